"""A campaign as a command in a separate process, for tests that kill it or the machines that it uses."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from alframe import open_session

MAX_WAIT_SECONDS = 1200.0  # seconds: long enough for a busy machine, so that only a process that hangs is stopped


@dataclass(frozen=True)
class CampaignCommand:
    """The command ``alframe ARGUMENTS``, with projects in the folder `runs` and its output in `log_file`."""

    arguments: tuple[str, ...]
    runs: Path

    @property
    def log_file(self) -> Path:
        """The file with all that the command has printed."""
        return self.runs.with_name(f"{self.runs.name}.log")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        command = [sys.executable, "-m", "alframe", *self.arguments, f"runs={self.runs.as_posix()}"]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(command, cwd=self.runs.parent, stdout=log, stderr=log)

    def run_to_success(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Wait for the `process`, or run the command; fail if it does not end well."""
        status = (process or self.start()).wait(MAX_WAIT_SECONDS)
        assert status == 0, self.log_file.read_text(encoding="utf-8", errors="replace")

    def wait_for_features(self, process: subprocess.Popen[bytes], count: int) -> None:
        """Wait until `count` files of features are there; fail if the `process` ends before, or takes too long."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while len(self.stored_features()) < count:
            waiting = process.poll() is None and time.monotonic() < deadline
            assert waiting, self.log_file.read_text(encoding="utf-8", errors="replace")
            time.sleep(0.05)

    def stored_features(self) -> dict[str, bytes]:
        """Return the content of each file of features that is finished, by name."""
        return {file.name: file.read_bytes() for file in self.runs.rglob("features/*/*.npy")}

    def models_and_labelled_keys(self) -> tuple[list[str], list[int]]:
        """Return the digest of each round's model, and the keys of the images with a label, in order."""
        (file,) = self.runs.glob("*/alframe.yaml")
        with open_session(f"project={file.parent.as_posix()}", "task=status") as session:
            return [record.model for record in session.history()], sorted(session.labels_by_key())
