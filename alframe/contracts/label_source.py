"""A label source is where labels come from: people, or a simulated oracle."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from alframe.types import Answers, Request


class LabelSource(Protocol):
    """Asks for labels and collects the answers. It has no state: the project stores requests and answers."""

    answers_now: bool
    """True for a simulation, whose answers are there at once; False for people, who take their time.

    A source may also offer `AnswersInOnePlace`, `CheckableSource`, `UnrequestedAnswers` and `ServesPeople`.
    """

    def request(self, request: Request) -> str:
        """Put the items where people can label them; return a message that says where they are and what to do.

        It is called again with the same request after a crash or a pause, and never changes answers already given.
        """

    def collect(self, request: Request) -> Answers:
        """Return all answers to this request so far, what was cleared, and the problems found (see Answers).

        It only reads, never waits, and returns the same answers on every call. The source decides whether a name that
        is not among `request.classes` is a new class or a typing error; an error is reported as a Problem.
        """


@runtime_checkable
class AnswersInOnePlace(Protocol):
    """A label source that keeps the answers of all rounds in one place, for example in a table of the user."""

    answers_persist: bool
    """Whether the answers stay. An image that a person was unsure about is then not requested again."""


@runtime_checkable
class CheckableSource(Protocol):
    """A label source that can check before a run whether it can ask people."""

    def check(self) -> None:
        """Raise LabelError for what its place lacks. It is called before the images are embedded, and only reads."""
