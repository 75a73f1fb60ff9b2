"""Access: only this project's own pages, opened by a link with a token, may read and write.

A page of another site in the same browser can send requests to this server, with the cookie, or by a host name that
leads to this machine (DNS rebinding). So the host of every request is checked, the origin and content type of every
write, and the session of every request for data. All replies forbid scripts that are not files of this server.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.server.config import MAX_BODY_BYTES, ServerConfig
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.writer import JournalWriter

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LONGEST_PATH = 200  # characters: longer ones are none of ours
_READS = ("GET", "HEAD")
_WRITES = ("POST", "PUT", "DELETE")
_OPEN_TO_ALL = ("/", "/favicon.ico", "/api/session")  # and /static/: they hold no data


class OneTimeTokens:
    """One-time tokens. Each lets one browser in. Only their digests are kept."""

    def __init__(self) -> None:
        self._digests: set[str] = set()

    def make(self) -> str:
        token = secrets.token_urlsafe(32)
        self._digests.add(secret_digest(token))
        return token

    def redeem(self, token: str) -> bool:
        """Return whether this is an unused token, and mark it as used."""
        known = secret_digest(token)
        if known not in self._digests:
            return False
        self._digests.remove(known)
        return True


def secret_digest(secret: str) -> str:
    """Return the digest of a secret. Only the digest is stored."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_allowed_host(host: str, port: int, lan: bool) -> bool:
    """Return whether the Host header of a request names this server.

    With `lan`, this machine's own name and any IP address are accepted too. An address is safe, because the page of
    another site that leads its own name to this machine sends this name.
    """
    name, colon, given_port = host.rpartition(":")
    if not colon or given_port != str(port):
        return False
    name = name.casefold()
    if name in ("127.0.0.1", "localhost", "[::1]"):
        return True
    if not lan:
        return False
    own = socket.gethostname().casefold()
    if name in (own, f"{own}.local", own.partition(".")[0]):
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


class RequestGuard:
    """The checks around the application. `find_session` returns the digest of a known session's cookie, or None."""

    def __init__(
        self, app: ASGIApp, config: ServerConfig, port: int, find_session: Callable[[str], str | None]
    ) -> None:
        self._app, self._config, self._port, self._find_session = app, config, port, find_session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no page of ours opens a WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded_send = _sender_with_headers(send, scope["path"])
        try:
            headers = Headers(scope=scope)
            if len(scope["path"]) > _LONGEST_PATH:
                raise ApiError("not_found", "There is nothing at this address.")
            self._check_headers(scope["method"], headers)
            if not scope["path"].startswith("/static/") and scope["path"] not in _OPEN_TO_ALL:
                scope["session"] = self._require_session(headers)
            await self._app(scope, _limit_body(receive, headers), guarded_send)
        except ApiError as error:
            await error.to_response()(scope, receive, guarded_send)

    def _check_headers(self, method: str, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_allowed_host(hosts[0], self._port, self._config.source.lan):
            raise ApiError("bad_host", "This address is not served. Open the address that alframe has printed.")
        if method in _READS:
            return
        if method not in _WRITES:
            raise ApiError("not_allowed", f"{method} is not supported here.")
        if headers.getlist("origin") != [f"http://{hosts[0]}"]:
            raise ApiError("bad_origin", "Only alframe's own page may write. Open the address that it has printed.")
        if method != "DELETE" and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise ApiError("not_json", "Send JSON, with Content-Type: application/json.")

    def _require_session(self, headers: Headers) -> str:
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise ApiError("bad_origin", "Another site has asked for this. Open the address that alframe has printed.")
        secret = read_cookie(headers, self._config.cookie_name)
        session = self._find_session(secret) if secret else None
        if session is None:
            raise ApiError(
                "no_session", "This browser has no access yet. Open the link that alframe has printed in its terminal."
            )
        return session


def read_cookie(headers: Headers, name: str) -> str:
    """Return the cookie of this name, or ""."""
    pairs = (part.strip().partition("=") for line in headers.getlist("cookie") for part in line.split(";"))
    return next((value for key, _, value in pairs if key == name), "")


def _limit_body(receive: Receive, headers: Headers) -> Receive:
    """Return `receive` with a limit of MAX_BODY_BYTES bytes, even if the header gives a smaller size."""
    too_large = ApiError("too_large", f"A request may have {MAX_BODY_BYTES} bytes at most. Send fewer answers at once.")
    if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > MAX_BODY_BYTES:
        raise too_large
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise too_large
        return message

    return bounded


def _sender_with_headers(send: Send, path: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
        await send(message)

    return send_with_headers


@dataclass
class BrowserSession:
    """A browser. `name` is stored with each answer; `is_named_by_person`: whether a person has given this name."""

    digest: str
    name: str
    is_named_by_person: bool


class BrowserSessions:
    """All sessions, by the digest of their secret."""

    def __init__(self, journal: Journal, writer: JournalWriter, name: str) -> None:
        self._writer, self._default_name = writer, name
        rows = journal.db.execute("SELECT digest, name, named FROM session")
        self._known = {known: BrowserSession(known, name, bool(named)) for known, name, named in rows}

    def find_digest(self, secret: str) -> str | None:
        """Return the digest of a session's secret, or None if there is no such session."""
        known = secret_digest(secret)
        return known if known in self._known else None

    def get(self, digest: str) -> BrowserSession:
        return self._known[digest]

    async def admit_browser(self) -> str:
        """Let a browser in, and return its secret."""
        secret = secrets.token_urlsafe(32)
        session = BrowserSession(secret_digest(secret), self._default_name, False)
        self._known[session.digest] = session
        await self._store(session)
        return secret

    async def rename(self, digest: str, name: str) -> BrowserSession:
        """Store the name of the person at this browser; return the session."""
        session = self._known[digest] = BrowserSession(digest, name, True)
        await self._store(session)
        return session

    async def forget(self, digest: str) -> None:
        """Remove the session: this browser has no access from now on."""
        self._known.pop(digest, None)
        await self._writer.write_and_wait(
            lambda journal: journal.db.execute("DELETE FROM session WHERE digest = ?", (digest,))
        )

    async def _store(self, session: BrowserSession) -> None:
        values = session.digest, session.name, int(session.is_named_by_person), datetime.now(UTC).isoformat()
        sql = "INSERT OR REPLACE INTO session (digest, name, named, at) VALUES (?, ?, ?, ?)"
        await self._writer.write_and_wait(lambda journal: journal.db.execute(sql, values))
