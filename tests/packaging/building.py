"""Building and installing distributions, and calling what was installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def call(*command: str, cwd: Path, path: tuple[Path, ...] = ()) -> str:
    """What `command` prints; `path` comes before all else that Python can import, so an editable install cannot win."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wheel_of(source: Path, out: Path) -> Path:
    call(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(out), str(source), cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


def installed(what: Path, target: Path) -> Path:
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q")
    call(*PIP, "install", *options, "--target", str(target), str(what), cwd=target.parent)
    return target


Fake = Callable[..., Path]  # the fixture `fake`
