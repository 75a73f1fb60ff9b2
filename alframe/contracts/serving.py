"""The contract of label sources that serve people while the campaign runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from alframe.types import CampaignSnapshot, UnrequestedInRound


class LabellingServer(Protocol):
    """A server that shows the pages to people. The campaign tells it the current state, and it reports new answers."""

    address: str
    """The address of the server, for the message to people."""

    stay: bool
    """Whether the server keeps running after enough images are labelled, so that people can review the answers."""

    def show_phase(self, phase: str, message: str) -> None:
        """Show people the current `phase`: embedding, learning, waiting or done."""

    def publish(self, snapshot: CampaignSnapshot) -> None:
        """Show people the present state of the campaign."""

    def wait_for_answer(self, seconds: float) -> bool:
        """Wait for an answer, at most `seconds`. Return whether there was one."""


@runtime_checkable
class ServesPeople(Protocol):
    """A label source with a server: people can label as long as the server runs."""

    def serve(self, folder: Path) -> AbstractContextManager[LabellingServer]:
        """Return a context that serves people. `folder` is the folder of the requests. Raises LabelError."""


@runtime_checkable
class UnrequestedAnswers(Protocol):
    """A label source whose people may also answer images that no round has requested."""

    def collect_unrequested(self, folder: Path, classes: Sequence[str]) -> list[UnrequestedInRound]:
        """Return all such answers so far, by the round that was the newest when they were given.

        It only reads, as `collect` does. `folder` is the folder of the requests. `classes` are all known classes.
        """
