"""Build and install distributions, and run what was installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def run_command(*command: str, cwd: Path, path: tuple[Path, ...] = (), seconds: float = 300) -> str:
    """Return what `command` prints; `path` comes first on sys.path, before an editable install."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", timeout=seconds)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build_wheel(source: Path, out: Path) -> Path:
    run_command(
        *PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(out), str(source), cwd=out
    )
    (wheel,) = out.glob("*.whl")
    return wheel


def install_into(what: Path, target: Path) -> Path:
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q")
    run_command(*PIP, "install", *options, "--target", str(target), str(what), cwd=target.parent)
    return target


def build_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """Return the folder `name` that `build` has filled, once for all workers of pytest-xdist."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built"
    folder, done = shared / name, shared / f"{name}.done"
    shared.mkdir(exist_ok=True)
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that was stopped while it built
            folder.mkdir()
            build(folder)
            done.touch()
    return folder


InstallFake = Callable[..., Path]  # the fixture `install_fake`
