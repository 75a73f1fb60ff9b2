"""A task is what one call of the command line does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from alframe.types import Outcome

if TYPE_CHECKING:
    from alframe.loop.session import Session
else:
    Session = Any


class Task(Protocol):
    """A verb. `read_only` tasks leave nothing on disk and need no lock."""

    read_only: bool

    def run(self, session: Session) -> Outcome:
        """Do it, and say how it ended."""
        ...
