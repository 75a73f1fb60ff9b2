"""A campaign in a process of its own, which serves people as a real one does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path


class ServedCampaign:
    """``python -m alframe ... label_source=web`` in a process of its own."""

    def __init__(self, project: Path, *words: str) -> None:
        self.project = project
        words = (*words, f"project={project.as_posix()}", "label_source=web", "label_source.browser=false")
        self._printed = project.with_suffix(".txt")
        with self._printed.open("w") as file:
            command = [sys.executable, "-m", "alframe", *words]
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    @property
    def printed(self) -> str:
        return self._printed.read_text(encoding="utf-8", errors="replace")

    def address(self, seconds: float = 600) -> str:
        """Return the printed link, once the page is served."""
        end = time.monotonic() + seconds
        while (found := re.search(r"http://127\.0\.0\.1:\d+/#token=\S+", self.printed)) is None:
            assert self.process.poll() is None and time.monotonic() < end, self.printed
            time.sleep(0.1)
        return found.group()

    def kill_server(self) -> None:
        """Kill the process of the pages, as nothing else in it would expect."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        pages = [pid for pid in children if b"web.server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(int(pages[0]), signal.SIGKILL)

    def wait(self, seconds: float = 120) -> int:
        return self.process.wait(seconds)

    def stop(self) -> None:
        """Press Ctrl-C, and wait until it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
