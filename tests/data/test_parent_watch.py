"""No worker outlives the process that it works for."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.data.loading import load_batches
from alframe.types import InputSpec, Item

SECONDS = 20


def embed(folder: str, workers: str) -> None:
    """Start two workers, note who they are once they have work to hand over, and take no more of it."""
    items = [Item(file.name, file) for file in sorted(Path(folder).glob("*.png"))]
    batches = [range(start, start + 10) for start in range(0, 200, 10)]
    spec = InputSpec(size=448, mean=(0.5,) * 3, std=(0.5,) * 3)
    stream = load_batches(items * 10, spec, batches, workers=2)
    next(stream)
    pids = [str(child.pid) for child in multiprocessing.active_children()]
    Path(workers).write_text(" ".join(pids), encoding="utf-8")
    time.sleep(10 * SECONDS)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")  # nobody has buried it yet


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return bool(condition())


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    for number in range(20):
        Image.fromarray(np.full((448, 448, 3), number, np.uint8)).save(tmp_path / f"{number:02}.png")
    noted = tmp_path / "workers"
    process = multiprocessing.get_context("fork").Process(target=embed, args=(str(tmp_path), str(noted)))
    process.start()
    assert wait_until(lambda: noted.exists() and noted.read_text())
    workers = [int(pid) for pid in noted.read_text().split()]
    assert len(workers) == 2
    time.sleep(1)  # until their pipes are full
    assert all(map(is_running, workers))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    try:
        assert wait_until(lambda: not any(map(is_running, workers)))
    finally:
        for pid in filter(is_running, workers):
            os.kill(pid, signal.SIGKILL)


SWEEP = """
import os, sys, time
from pathlib import Path
from joblib import Parallel, delayed

def job(file):
    from alframe.app.sweep import end_worker_with_sweep
    end_worker_with_sweep()
    Path(file).write_text(str(os.getpid()))
    time.sleep(200)

Parallel(n_jobs=2, backend="loky")(delayed(job)(file) for file in sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there, nothing tells a worker of joblib that its parent has ended")
def test_workers_of_joblib_end_when_the_sweep_is_killed(tmp_path: Path) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    with subprocess.Popen([sys.executable, "-c", SWEEP, *map(str, files)]) as sweep:
        assert wait_until(lambda: all(file.is_file() and file.read_text() for file in files), 4 * SECONDS)
        workers = [int(file.read_text()) for file in files]
        assert sweep.pid not in workers
        assert all(map(is_running, workers))
        sweep.kill()
    try:
        assert wait_until(lambda: not any(map(is_running, workers)))
    finally:
        for pid in filter(is_running, workers):
            os.kill(pid, signal.SIGKILL)
