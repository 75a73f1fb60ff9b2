"""One Ray cluster for the tests of a module: 2 CPUs, of which one stays free. And campaigns, to compare."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import alframe

os.environ["RAY_AUTH_MODE"] = "disabled"  # else it writes a token into the home folder
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start Ray with two logical CPUs, however many this machine has."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="warning")
    yield
    ray.shutdown()


@dataclass(frozen=True)
class CampaignRun:
    """A campaign in a folder of its own, run by the command line."""

    runs: Path
    words: tuple[str, ...]

    def start(self) -> subprocess.Popen[str]:
        """Start the command."""
        log = (self.runs.parent / f"{self.runs.name}.log").open("a")
        command = [sys.executable, "-m", "alframe", *self.words, f"runs={self.runs.as_posix()}"]
        with log:
            return subprocess.Popen(command, cwd=self.runs.parent, stdout=log, stderr=log, text=True)

    def finish(self, process: subprocess.Popen[str] | None = None) -> None:
        """Wait for the command, or run it, and require that it did not fail."""
        status = (process or self.start()).wait()
        assert status == 0, (self.runs.parent / f"{self.runs.name}.log").read_text()

    def features(self) -> dict[str, bytes]:
        """Return the content of each file of embeddings that is finished, by name."""
        return {file.name: file.read_bytes() for file in self.runs.rglob("features/*/*.npy")}

    def rounds(self) -> tuple[list[str], list[int]]:
        """Return what each round's model was made of, and the images that have a label."""
        (file,) = self.runs.glob("*/alframe.yaml")
        with alframe.open_session(f"project={file.parent.as_posix()}", "task=status") as session:
            return [record.model for record in session.history()], sorted(session.labels_by_key())
