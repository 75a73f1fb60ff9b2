"""The browsers that were let in, and who sits before them; they outlast a restart of the server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.server.security import secret_digest
from alframe.label_sources.web.server.writer import JournalWriter


@dataclass
class BrowserSession:
    """A browser: `name` is stored with each answer; `named` says whether a person has given it."""

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
        """Return the digest of a session's secret, None if there is no such session."""
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
