"""A label source is where labels come from: people, or a simulated oracle."""

from __future__ import annotations

from typing import Protocol

from alframe.types import Answers, Request


class LabelSource(Protocol):
    """Stateless: what is asked and answered lives in the ledger, and each call is given the open request."""

    answers_now: bool
    """True for a simulation, whose answers are there at once; False for people, who take their time.

    A source may also offer `PersistentAnswers`.
    """

    def request(self, request: Request) -> str:
        """Put the ask where people find it and say where it is and what to do.

        Called again with the same request after a crash or a pause; it never disturbs answers already given.
        """
        ...

    def collect(self, request: Request) -> Answers:
        """All answers to this request so far, those taken back, and what could not be understood (see Answers).

        Reads only; the same answers on every call; never waits. Whether a class that is not among `request.classes`
        is a new one or a slip is the source's to say; a slip is reported as a Problem, never learned.
        """
        ...
