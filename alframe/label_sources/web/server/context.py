"""The objects that all routes use."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from starlette.requests import Request

from alframe.errors import AlframeError
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.server.answering import AnswerParser
from alframe.label_sources.web.server.class_list import ClassList
from alframe.label_sources.web.server.config import MAX_LISTED, MAX_NAME_LENGTH, ServerConfig
from alframe.label_sources.web.server.describe import ImageDescriber, JpegPictures
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.lists import ListQueries
from alframe.label_sources.web.server.live import EventStreams, PhaseStatus, PublishedState
from alframe.label_sources.web.server.reader import DatabaseReader
from alframe.label_sources.web.server.security import BrowserSession, BrowserSessions, OneTimeTokens
from alframe.label_sources.web.server.speed import LabellingSpeed
from alframe.label_sources.web.server.work import Leases, WorkQueue
from alframe.label_sources.web.server.writer import JournalWriter
from alframe.types import UNSURE


class ServerContext:
    """The parts of the server. The context opens their files."""

    def __init__(self, config: ServerConfig, port: int) -> None:
        self.config, self.port = config, port
        self.writer, self.reader = JournalWriter(config.folder_path), DatabaseReader(config.folder_path)
        self.leases = Leases(config.source.lease)
        with Journal.open(config.folder_path, read_only=True) as journal:
            self.sessions = BrowserSessions(journal, self.writer, config.source.annotator)
            for session, images in journal.stored_leases():
                self.leases.claim(session, images)
                self.leases.shorten(session)  # until its page is connected again
        self.work = WorkQueue(self.reader, self.leases, config)
        self.answering = AnswerParser(self.reader)
        self.classes = ClassList(self.reader, self.writer, config, PublishedState())
        self.describer, self.pictures = ImageDescriber(self.reader, config), JpegPictures(self.reader)
        self.speed, self.lists = LabellingSpeed(self.reader), ListQueries(config)
        self.project_id = self.reader.journal.journal_id()
        self.tokens, self.events, self.phase = OneTimeTokens(), EventStreams(), PhaseStatus()
        self.state_has_changed = False  # whether the pages should be told of the state

    @property
    def last_published(self) -> PublishedState:
        return self.classes.published

    def session_of(self, request: Request) -> BrowserSession:
        try:
            return self.sessions.get(request.scope["session"])
        except KeyError:  # forgotten while it was asking
            raise ApiError(
                "no_session", "This browser was signed out. Open the link that alframe has printed."
            ) from None

    def require_same_project(self, content: dict[str, Any]) -> None:
        """Raise ApiError for answers that a browser kept for another project at the same address."""
        if content.get("project", self.project_id) != self.project_id:
            raise ApiError("other_project", "These answers belong to another project. Start that project to send them.")

    def publish(self, published: PublishedState) -> None:
        is_new_round = published.round != self.last_published.round
        self.classes.published = published
        if published.pool_file:
            self.reader.attach_pool(published.pool_file)
            self.lists.attach_files(published.pool_file, published.neighbours_file)
        if is_new_round and published.round is not None:
            self.events.send_event("round", {"round": published.round})
        self.send_state()

    def send_state(self) -> None:
        """Send the state to every session, each with its own part."""
        shared = self._shared_state()  # once: it takes as long as there are people and leases
        for session in self.events.online_sessions():
            self.events.send_event("state", shared | self._own_state(session), to=session)

    def session_state(self, session: str) -> dict[str, Any]:
        return self._shared_state() | self._own_state(session)

    def _own_state(self, session: str) -> dict[str, Any]:
        return {"mine": self.speed.count_and_pace_of(self.sessions.get(session).name, self.last_published.round)}

    def _shared_state(self) -> dict[str, Any]:
        published = self.last_published
        return {
            "phase": self.phase.name,
            "message": self.phase.message,
            "since": self.phase.since,
            "round": published.round,
            "batch": self.batch_progress(),
            "labels": published.labels,
            "classes_version": self.classes.version(),
            "people": self.describe_people(),
            "settings": {
                "suggestions": self.config.source.suggestions,
                "new_classes": self.config.source.new_classes,
                "conflicts": published.conflicts,
                "unsure": UNSURE,
                "page": self.config.source.page,
                "lease_seconds": self.config.source.lease,
            },
            "report": self.report_address(),
        }

    def batch_progress(self) -> dict[str, int]:
        published = self.last_published
        answered = 0 if published.round is None else self.work.count_answered(published.round)
        asked, needed = published.asked, published.needed
        return {
            "asked": asked,
            "answered": answered,
            "needed": needed,
            "leased": self.leases.counts_by_session().total(),
        }

    def describe_people(self) -> list[dict[str, Any]]:
        held = self.leases.counts_by_session()
        leased: Counter[str] = Counter()
        for session in self.events.online_sessions():
            leased[self.sessions.get(session).name] += held[session]
        online = set(leased)
        names = sorted({*online, *self.speed.people_in_round(self.last_published.round)})
        return [
            {"name": name, "online": name in online, "leased": leased[name]}
            | self.speed.count_and_pace_of(name, self.last_published.round)
            for name in names
        ]

    def report_address(self) -> str | None:
        return "/report" if self.config.report_path.is_file() else None


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request. Raises ApiError."""
    try:
        content = await request.json()
        json.dumps(content, ensure_ascii=False).encode()  # half of a character could neither be stored nor sent back
    except (ValueError, RecursionError):
        raise ApiError("bad_request", "The request is not JSON in UTF-8.") from None
    if not isinstance(content, dict):
        raise ApiError("bad_request", "The request must be a JSON object.")
    return content


def read_image_numbers(content: dict[str, Any]) -> list[int]:
    """Return the numbers under "images". Raises ApiError."""
    images = content.get("images")
    is_list = isinstance(images, list) and all(type(image) is int and abs(image) < 2**62 for image in images)
    if not is_list or len(images or ()) > 10 * MAX_LISTED:
        raise ApiError("bad_request", f"'images' must be a list of numbers, of {10 * MAX_LISTED} at most.")
    return list(images or ())


def read_name(content: dict[str, Any], default: str | None = None) -> str:
    """Return the name in a request: the name of the person who gave its answers. Raises ApiError."""
    name = content.get("name", default)
    if not isinstance(name, str) or len(name.strip()) > MAX_NAME_LENGTH:
        raise ApiError("bad_request", f"A name may have {MAX_NAME_LENGTH} characters at most.")
    return name.strip()


def read_clamped_number(text: Any, name: str, low: int, high: int, default: int) -> int:
    """Return a number of a request, or `low` or `high` if it is outside them. Raises ApiError."""
    if text is None:
        return default
    try:
        return min(max(int(text), low), high)
    except (TypeError, ValueError, OverflowError):
        raise ApiError("bad_request", f"'{name}' must be a whole number.") from None


def api_error_for(error: Exception) -> ApiError:
    """Return the error that a page receives for an error of the server."""
    if isinstance(error, AlframeError | OSError):
        return ApiError("cannot_save", f"This cannot be saved or read now: {error}")
    return ApiError(
        "failed", "The server failed at this request; the terminal shows the details. No saved answer is lost."
    )
