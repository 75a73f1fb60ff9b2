"""A task is what one call of the command line does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from alframe.types import Outcome

if TYPE_CHECKING:
    from alframe.loop.session import Session
else:
    Session = Any


class Task(Protocol):
    """A verb."""

    read_only: bool
    """True if it only looks at the project: then it needs no lock, and the ledger is opened for reading."""

    def run(self, session: Session) -> Outcome:
        """Do it, and say how it ended."""
        ...
