"""A task is what one call of the command line does."""

from __future__ import annotations

from typing import Protocol

from alframe.contracts.session import Session
from alframe.types import Outcome


class Task(Protocol):
    """A verb."""

    read_only: bool
    """True if it only looks at the project: then it needs no lock, and the ledger is opened for reading."""

    def run(self, session: Session) -> Outcome:
        """Do it, and return how it ended."""
