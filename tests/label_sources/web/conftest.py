"""A real browser, and campaigns that are served to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alframe.testing.tiny import tiny_overrides
from tests.label_sources.web.person import missing_browser, open_chromium


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    if missing := missing_browser():
        pytest.skip(missing)
    with open_chromium() as browser:
        yield browser


class ServedCampaign:
    """``python -m alframe ... label_source=web`` in a process of its own."""

    def __init__(self, images: Path, folder: Path, *more: str) -> None:
        tiny = [word for word in tiny_overrides(images, folder / "runs") if "pool.classes" not in word]
        self.project = folder / "season"
        words = [*tiny, f"project={self.project.as_posix()}", "label_source=web", "label_source.browser=false", *more]
        self._printed = folder / "printed.txt"
        with self._printed.open("w") as file:
            command = [sys.executable, "-m", "alframe", *words]
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    @property
    def printed(self) -> str:
        return self._printed.read_text(encoding="utf-8", errors="replace")

    def address(self, seconds: float = 120) -> str:
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


Serve = Callable[..., ServedCampaign]


@pytest.fixture
def serve_campaign(tmp_path: Path) -> Iterator[Serve]:
    campaigns: list[ServedCampaign] = []

    def start(images: Path, *more: str) -> ServedCampaign:
        campaigns.append(ServedCampaign(images, tmp_path, *more))
        return campaigns[-1]

    yield start
    for campaign in campaigns:
        if campaign.process.poll() is None:
            campaign.process.send_signal(signal.SIGINT)
            try:
                campaign.process.wait(20)
            except subprocess.TimeoutExpired:
                campaign.process.kill()
                campaign.process.wait()
