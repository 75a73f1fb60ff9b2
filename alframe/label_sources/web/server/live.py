"""The present state: the phase, the last publication, the open pages; and the events that send it to the pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_KEEP_ALIVE = 15.0  # seconds between two signs of life
_LONGEST_QUEUE = 1000  # events that wait for a page that does not read; it is cut off and comes back


@dataclass
class PhaseStatus:
    """The phase of the campaign: `name` is starting, embedding, learning, waiting or done."""

    name: str = "starting"
    message: str = ""
    since: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


@dataclass
class PublishedState:
    """The last publication of the campaign: the open round, and the numbers of the progress page."""

    round: int | None = None
    needed: int = 0
    asked: int = 0
    labels: int = 0
    classes: list[str] = field(default_factory=list)
    class_counts: dict[str, int] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    pool_file: str = ""
    neighbours_file: str = ""
    conflicts: str = "ask"
    journal_number: int = 0  # of the newest row of the journal that the counts contain


class EventStreams:
    """Sends events to all open pages."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[str | None], str] = {}

    def online_sessions(self) -> set[str]:
        return set(self._queues.values())

    def count_pages(self, session: str) -> int:
        """Return the number of open pages (tabs) of a session."""
        return sum(each == session for each in self._queues.values())

    def send_event(self, kind: str, data: Any, to: str | None = None, but: str | None = None) -> None:
        """Send an event to every session, only to the session `to`, or to all sessions except `but`."""
        text = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        for queue, session in list(self._queues.items()):
            if session != but and to in (None, session):
                if queue.qsize() >= _LONGEST_QUEUE:
                    del self._queues[queue]
                    queue.put_nowait(None)
                else:
                    queue.put_nowait(text)

    def end_streams(self, session: str | None = None) -> None:
        """End all streams, or the streams of one session."""
        for queue, owner in list(self._queues.items()):
            if session in (None, owner):
                del self._queues[queue]
                queue.put_nowait(None)

    async def stream(self, session: str, first: Any) -> AsyncGenerator[str]:
        """Yield the stream of a session, which begins with the state `first`."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._queues[queue] = session
        try:
            yield f"retry: 1000\nevent: state\ndata: {json.dumps(first, ensure_ascii=False)}\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _KEEP_ALIVE)
                except TimeoutError:
                    text = ": still here\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._queues.pop(queue, None)
