"""A task is what one call of the command line does."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from alframe.contracts.session import Session
from alframe.types import Outcome


class Task(Protocol):
    """The work of one command, for example "run" or "status"."""

    read_only: bool
    """True if it only looks at the project: then it needs no lock, and the ledger is opened for reading."""

    def run(self, session: Session) -> Outcome:
        """Run the task, and return how it ended."""


@runtime_checkable
class TakesWords(Protocol):
    """A task class that accepts words without `=` after its name, for example `alframe compare FOLDER FOLDER`."""

    words_are: str | tuple[str, ...]
    """The parameter that is the list of them; or one for each, in order, the first of which may be left out."""
