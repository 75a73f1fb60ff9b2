"""A browser as the server sees it: cookies, Origin and JSON; and a person who knows the truth."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit


class Reply:
    """A reply: its status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    """A browser at the address that was printed, let in by its token."""

    def __init__(self, address: str, cookie: str = "") -> None:
        parts = urlsplit(address)
        self.host, self.port = str(parts.hostname), int(parts.port or 0)
        self.token = parts.fragment.removeprefix("token=")
        self.cookie = cookie
        self._connection: http.client.HTTPConnection | None = None

    @property
    def origin(self) -> str:
        return f"http://{self.host}:{self.port}"

    def enter(self, name: str | None = None) -> Browser:
        reply = self.post("/api/session", {"token": self.token})
        assert reply.status == 200, reply.body
        self.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        if name is not None:
            assert self.send("PUT", "/api/session", {"name": name}).status == 200
        return self

    def send(
        self, method: str, path: str, content: Any = None, headers: Mapping[str, str | None] | None = None
    ) -> Reply:
        """Send a request with the headers of our own page; `headers` are set otherwise, or with None left out."""
        own: dict[str, str | None] = {"Cookie": self.cookie or None}
        if method not in ("GET", "HEAD"):
            own |= {"Origin": self.origin, "Content-Type": "application/json"}
        own |= headers or {}
        body = content if isinstance(content, bytes) else None if content is None else json.dumps(content).encode()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            self._connection.putrequest(method, path, skip_host="Host" in own, skip_accept_encoding=True)
            for key, value in own.items():
                if value is not None:
                    self._connection.putheader(key, value)
            if body is not None and "Content-Length" not in own:
                self._connection.putheader("Content-Length", str(len(body)))
            self._connection.endheaders(body)
            return Reply(self._connection.getresponse())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str, **headers: str | None) -> Reply:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, content: Any = None, **headers: str | None) -> Reply:
        return self.send("POST", path, {} if content is None else content, headers)

    def lease(self, size: int = 40, **more: Any) -> list[dict[str, Any]]:
        images: list[dict[str, Any]] = self.post("/api/leases", {"size": size, **more}).json["images"]
        return images

    def answer(
        self, answers: Mapping[int, Sequence[str]], origin: str = "grid", action: str = "", **more: Any
    ) -> Reply:
        given = [{"image": image, "classes": list(names), "seconds": 1.0, **more} for image, names in answers.items()]
        return self.post("/api/answers", {"action": action or str(uuid.uuid4()), "origin": origin, "answers": given})

    def add_class(self, name: str, sure: bool = True) -> Reply:
        return self.post("/api/classes", {"name": name, "sure": sure})

    def wait_for(self, phase: str, seconds: float = 60.0, after_round: int = 0) -> dict[str, Any]:
        """Return the state as soon as the campaign is in this phase, and in a later round than `after_round`."""
        state: dict[str, Any] = self.wait_until(
            "/api/state",
            lambda state: state["phase"] == phase and (state["round"] or 0) > after_round,
            f"the phase is not {phase!r} in a round after {after_round}",
            seconds,
        )
        return state

    def wait_until(self, path: str, holds: Callable[[Any], bool], otherwise: str, seconds: float = 60.0) -> Any:
        """Return what is at `path` as soon as `holds` is true of it; after `seconds` without, say what is not so."""
        end = time.monotonic() + seconds
        while not holds(reply := self.get(path).json):
            assert time.monotonic() < end, f"after {seconds:g} s, {otherwise}: {reply}"
            time.sleep(0.02)
        return reply

    def stream(self, path: str, seconds: float = 60.0) -> Iterator[tuple[str, Any]]:
        """Yield (event, data) of a stream of events, as they come, for `seconds` at most."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        self._connection = connection
        connection.request("GET", path, headers={"Cookie": self.cookie})
        response = connection.getresponse()
        assert response.status == 200
        event, end = "", time.monotonic() + seconds
        while line := response.readline().decode().rstrip("\n"):
            assert time.monotonic() < end, f"after {seconds:g} s, the last event of {path} was {event!r}"
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield event, json.loads(line.removeprefix("data: "))
                response.readline()  # the empty line after it
