"""Run the server of the pages in its own process, so that it answers at once while the campaign trains."""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import re
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from alframe.errors import LabelError
from alframe.label_sources.web.images import ImageDatabase
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.neighbours import write_reduced_embeddings
from alframe.label_sources.web.parameters import WebParameters
from alframe.label_sources.web.pool_file import remove_pool_files, write_pool_file
from alframe.label_sources.web.progress import progress_as_json
from alframe.label_sources.web.server.config import ServerConfig
from alframe.label_sources.web.server.live import PhaseStatus, PublishedState
from alframe.types import CampaignSnapshot

log = logging.getLogger(__name__)

SERVER_MODULE = "alframe.label_sources.web.server"
LOG_NAME = "server.log"
_LOOK_INTERVAL = 0.2  # seconds between two looks into the journal
_SHORT_LIFE = 5.0  # seconds; a server that ends sooner, twice in a row, is not started again
_END_TIMEOUT = 5.0  # seconds that it is given to end
_START_TIMEOUT = 120.0  # seconds that it is given to start; on a computer with much other work it takes some


class ServerProcess:
    """A context manager that runs the server; `folder` belongs to the label source.

    If the process is killed, it is started again at the same address, and open pages connect to it again.
    """

    def __init__(self, folder: Path, source: WebParameters) -> None:
        project = folder.parent.parent
        self._config = ServerConfig(str(folder), _readable_name(project), str(project / "report.html"), source)
        self._folder, self._browser = folder, source.browser
        self.stay, self.address = source.stay, ""
        self._process: subprocess.Popen[str] | None = None
        self._started_at = -math.inf
        self._returned_at = math.inf  # when `wait` has returned last
        self._pool_files: list[str] = []
        self._messages: dict[str, str] = {}  # the last of each kind, for a server that is started again

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        remove_pool_files(self._folder)
        with Journal.open(self._folder) as journal:
            self._seen = journal.last_row_number()
        self._journal = Journal.open(self._folder, read_only=True)
        try:
            self._start()
        except BaseException:
            self._journal.close()
            raise
        log.info("Label in the browser: %s", self.address)
        if self._browser and _can_open_browser():
            webbrowser.open(self.address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.close()
        process, self._process = self._process, None
        if process is not None:
            _end_process(process)

    @property
    def process_id(self) -> int | None:
        """The number of the server's process, None while none runs."""
        return None if self._process is None else self._process.pid

    def show_phase(self, phase: str, message: str) -> None:
        self._send_and_remember({"phase": asdict(PhaseStatus(phase, message))})

    def publish(self, snapshot: CampaignSnapshot) -> None:
        """Write the pool with the predictions, and send the present state of the campaign to the server."""
        with ImageDatabase.open(self._folder) as images:
            pool_file = write_pool_file(self._folder, images, snapshot)
        # The server may not have come to the last one yet.
        self._pool_files = [*self._pool_files[-2:], pool_file]
        remove_pool_files(self._folder, keep=self._pool_files)
        neighbours_file = write_reduced_embeddings(self._folder, snapshot)
        counts = dict(snapshot.class_counts)
        published = PublishedState(
            round=snapshot.open_round,
            needed=snapshot.answers_needed,
            asked=len(snapshot.asked),
            labels=sum(counts.values()),
            classes=list(snapshot.classes),
            conflicts=snapshot.conflicts,
            class_counts=counts,
            progress=progress_as_json(snapshot),
            pool_file=pool_file,
            neighbours_file=neighbours_file,
            journal_number=self._seen,
        )
        self._send_and_remember({"published": asdict(published)})

    def wait_for_answer(self, seconds: float) -> bool:
        """Return as soon as somebody has answered, or after `seconds`. The result is whether somebody has answered.

        If the caller works long on the answers, it waits four times as long before it looks for more of them.
        """
        end = time.monotonic() + seconds
        time.sleep(min(seconds, max(0.0, 4 * (time.monotonic() - self._returned_at))))
        while True:
            self._restart_if_ended()
            self._journal.require_in_place()
            last = self._journal.last_row_number()
            if last != self._seen:
                self._seen, self._returned_at = last, time.monotonic()
                return True
            left = end - time.monotonic()
            if left <= 0:
                self._returned_at = time.monotonic()
                return False
            time.sleep(min(_LOOK_INTERVAL, left))

    def _start(self) -> None:
        """Start the process and read its address. Raises LabelError if it does not start."""
        self._started_at = time.monotonic()
        with (self._folder / LOG_NAME).open("ab") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", SERVER_MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for this process, which ends the other in order
            )
        self._send_line(self._config.to_json())
        line = _read_line_within(_require_pipe(self._process.stdout), _START_TIMEOUT)
        reply = json.loads(line) if line and line.startswith("{") else {}
        if "addresses" not in reply:
            process, self._process = self._process, None
            happened = (
                f"it does not say its address within {_START_TIMEOUT:g} s" if line is None else "it ended at once"
            )
            if line is None:
                process.kill()
            _end_process(process)
            reason = reply.get("error", f"{happened}. {self._folder / LOG_NAME} gives the reason.")
            raise LabelError(f"The server of the pages does not start: {reason}")
        self.address = reply["addresses"][0]
        for address in reply["addresses"][1:]:
            log.info("For one other computer of the network (the page makes more such links): %s", address)
        for message in self._messages.values():
            self._send_line(message)

    def _restart_if_ended(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        if time.monotonic() - self._started_at < _SHORT_LIFE:
            raise LabelError(
                f"The server of the pages has stopped repeatedly. {self._folder / LOG_NAME} gives the reason. No "
                "answer is lost. Run the same command again."
            )
        _end_process(self._process)
        self._start()
        log.warning(
            "The server of the pages stopped, and was started again. If a page does not come back, open: %s",
            self.address,
        )

    def _send_and_remember(self, message: Mapping[str, Any]) -> None:
        text = json.dumps(message, allow_nan=False)
        self._messages |= dict.fromkeys(message, text)
        self._send_line(text)

    def _send_line(self, text: str) -> None:
        try:
            pipe = _require_pipe(self._process.stdin if self._process else None)
            pipe.write(f"{text}\n")
            pipe.flush()
        except OSError:  # it has ended: the next wait starts it again
            return


def _readable_name(project: Path) -> str:
    """Return the name of a project's folder without the digest at its end."""
    return re.sub(r"(?<=.)-[0-9a-f]{8}$", "", project.name)


def _require_pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise BrokenPipeError
    return pipe


def _read_line_within(pipe: IO[str], seconds: float) -> str | None:
    """Return the next line, "" at the end of the output, or None after `seconds` without a line."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: lines.put(pipe.readline()), daemon=True).start()  # no pipe has a timeout of its own
    try:
        return lines.get(timeout=seconds)
    except queue.Empty:
        return None


def _end_process(process: subprocess.Popen[str]) -> None:
    """Close the server's input, so that it ends. If it does not end, kill it; no answer is lost."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(_END_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _can_open_browser() -> bool:
    """Return whether a browser can open: there are windows, and the output goes to a terminal."""
    if not sys.stderr.isatty():
        return False
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
