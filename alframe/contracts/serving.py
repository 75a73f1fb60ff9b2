"""A label source that serves people while the campaign goes on, instead of leaving files for them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from alframe.types import CampaignSnapshot, UnrequestedInRound


class LabellingServer(Protocol):
    """A server that shows the pages to people. The campaign tells it the current state, and it reports new answers."""

    address: str
    """The address at which people find the server, for the message to them."""

    stay: bool
    """Whether the server keeps running after enough images are labelled, so that people can review the answers."""

    def show_phase(self, phase: str, message: str) -> None:
        """Show people the current `phase`: embedding, learning, waiting or done."""

    def publish(self, snapshot: CampaignSnapshot) -> None:
        """Show the campaign as it is now."""

    def wait_for_answer(self, seconds: float) -> bool:
        """Return as soon as somebody has answered, after `seconds` at most: whether something was answered."""


@runtime_checkable
class ServesPeople(Protocol):
    """A label source with a server: people can label as long as the server runs."""

    def serve(self, folder: Path) -> AbstractContextManager[LabellingServer]:
        """Return a context that serves people; `folder` is that of the requests. Raises LabelError if it cannot."""


@runtime_checkable
class UnrequestedAnswers(Protocol):
    """A label source whose people may also answer images that no round has requested."""

    def collect_unrequested(self, folder: Path, classes: Sequence[str]) -> list[UnrequestedInRound]:
        """Return all such answers so far, by the round that was newest then. `folder` is the folder of the requests.

        It only reads, as `collect` does. `classes` are all that are known.
        """
