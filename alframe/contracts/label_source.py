"""The contract of label sources, which ask people or simulate their answers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from alframe.types import Answers, Request


class LabelSource(Protocol):
    """A part that requests labels and collects answers. It has no state: the project stores requests and answers."""

    answers_now: bool
    """True if the answers are known at once (a simulation), False if people answer later.

    A source may also offer `AnswersInOnePlace`, `CheckableSource`, `UnrequestedAnswers` and `ServesPeople`.
    """

    def request(self, request: Request) -> str:
        """Present the items to people. Return a message that says where the items are, and what people must do.

        It is called again with the same request after a crash or a pause. It never changes an existing answer.
        """

    def collect(self, request: Request) -> Answers:
        """Return all answers to this request so far, the cleared answers, and the problems (see Answers).

        It only reads, never waits, and returns the same answers on every call. The source decides whether a name that
        is not in `request.classes` is a new class or a typing error. It reports a typing error as a Problem.
        """


@runtime_checkable
class AnswersInOnePlace(Protocol):
    """A label source that keeps the answers of all rounds in one place, for example in a table of the user."""

    answers_persist: bool
    """Whether the answers stay in this place. Then an image with the answer `unsure` is not requested again."""


@runtime_checkable
class CheckableSource(Protocol):
    """A label source that can check before a run whether it can ask people."""

    def check(self) -> None:
        """Raise LabelError if people could not answer, for example because a file is missing. It only reads.

        It is called before the images are embedded.
        """
