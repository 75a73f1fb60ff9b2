"""A batch that is served in the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alframe.contracts import LabellingServer
from alframe.label_sources.web.source import Web
from alframe.types import CampaignSnapshot, Item, KnownLabel, Request, RoundRecord, Suggestion
from tests.label_sources.web_client import Browser

CLASSES = ("fox", "red deer")


@dataclass
class Served:
    """A request that is served, and how it was made."""

    source: Web
    request: Request
    serving: LabellingServer
    snapshot: CampaignSnapshot
    items: Sequence[Item]
    browsers: list[Browser] = field(default_factory=list)

    def browser(self, name: str | None = "anna") -> Browser:
        """Let a browser in: the first by the address, others by an invitation."""
        if not self.browsers:
            self.browsers.append(Browser(self.serving.address).enter(name))
            self.browsers[0].wait_for("waiting")
        else:
            address = self.browsers[0].post("/api/invitations").json["urls"][0]
            self.browsers.append(Browser(address).enter(name))
        return self.browsers[-1]

    def labels(self) -> dict[str, set[str]]:
        """Return what the campaign reads: the classes of each image that was requested."""
        found: dict[str, set[str]] = {}
        for label in self.source.collect(self.request).labels:
            found.setdefault(label.item, set()).add(label.class_name)
        return found


Serve = Callable[..., Served]


def write_image(file: Path, number: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((24, 32, 3), 20 * number % 256, np.uint8)).save(file)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve `asked` of `count` images, with a suggestion for each but every third; parameters are those of the source.

    The last two images outside the batch are of one burst with the first image of it.
    """
    with ExitStack() as stack:

        def start(
            asked: int = 9,
            count: int = 12,
            labels: Sequence[KnownLabel] = (),
            history: Sequence[RoundRecord] = (),
            **parameters: Any,
        ) -> Served:
            items = []
            for number in range(count):
                file = tmp_path / "pool" / f"IMG_{number:04d}.png"
                write_image(file, number)
                burst = "burst" if number == 0 or number >= count - 2 else None
                items.append(Item(file.name, file, sequence=burst))
            suggestions = tuple(Suggestion(CLASSES[number % 2], 0.9 - number / 100) for number in range(asked))
            request = Request(
                *(1, tuple(items[:asked]), CLASSES, tmp_path / "season" / "to_label", suggestions),
                similarity_order=tuple(range(asked)),
                without_suggestion=tuple(number % 3 == 0 for number in range(asked)),
            )
            source = Web(browser=False, **parameters)
            source.request(request)
            serving = stack.enter_context(source.serve(request.folder))
            snapshot = CampaignSnapshot(
                items=items,
                classes=CLASSES,
                labels=labels,
                history=history,
                open_round=1,
                asked=range(asked),
                answers_needed=asked,
                without_suggestion=frozenset(range(0, asked, 3)),
            )
            serving.publish(snapshot)
            serving.show_phase("waiting", "")
            served = Served(source, request, serving, snapshot, items)
            stack.callback(lambda: [browser.close() for browser in served.browsers])
            return served

        yield start
