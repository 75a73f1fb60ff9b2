"""Build and install distributions, and run what was installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def run_command(*command: str, cwd: Path, path: tuple[Path, ...] = ()) -> str:
    """Return what `command` prints; `path` comes first on sys.path, before an editable install."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", timeout=300)
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


InstallFake = Callable[..., Path]  # the fixture `install_fake`
