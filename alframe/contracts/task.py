"""The contract of tasks: each command of alframe runs one task."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from alframe.contracts.session import Session
from alframe.types import Outcome


class Task(Protocol):
    """The work of one command, for example "run" or "status"."""

    read_only: bool
    """True if the task only reads the project. Then it needs no lock, and the ledger is opened for reading."""

    def run(self, session: Session) -> Outcome:
        """Run the task, and return how it ended."""


@runtime_checkable
class TakesWords(Protocol):
    """A task class that accepts words without `=` after its name, for example `alframe compare FOLDER FOLDER`."""

    words_are: str | tuple[str, ...]
    """The name of the parameter that gets the list of these words, or a name for each word, in their order.

    If there are several names, the first word may be left out.
    """
