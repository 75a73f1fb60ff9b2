"""Leases: an image that somebody has on the page is not given to anybody else until it is answered or comes back.

Who has which is kept in the journal too, so that a server that is started again takes no image off a page. A page
that is not connected, after a crash or with such a start, has `RECONNECT_SECONDS` seconds to come back.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

RECONNECT_SECONDS = 30.0  # seconds: a page whose connection is lost tries again each few seconds


@dataclass
class Leases:
    """Who has which image, and until when."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _held: dict[int, tuple[str, float]] = field(default_factory=dict)  # image -> session, end; also when it has ended

    def holder(self, image: int) -> str | None:
        session, end = self._held.get(image, (None, 0.0))
        return session if end > self.clock() else None

    def renew_images(self, session: str, images: Iterable[int]) -> list[int]:
        """Give the session for longer those of the images that nobody else had since it was given them; return them."""
        return self.claim(session, [image for image in images if self._held.get(image, (None,))[0] == session])

    def claim(self, session: str, images: Iterable[int]) -> list[int]:
        """Give the session those of the images that nobody else has, anew if it has them; return them."""
        end = self.clock() + self.seconds
        mine = [image for image in images if self.holder(image) in (None, session)]
        self._held.update((image, (session, end)) for image in mine)
        return mine

    def shorten(self, session: str, seconds: float = RECONNECT_SECONDS) -> None:
        """Let the leases of a session end in `seconds` at the latest."""
        latest = self.clock() + seconds
        self._held.update((image, (session, min(latest, self._held[image][1]))) for image in self.held_by(session))

    def give_back(self, session: str, images: Iterable[int] | None = None) -> list[int]:
        """Take these images from the session, or all that it has; return them."""
        mine = self.held_by(session) if images is None else [image for image in images if self.holder(image) == session]
        for image in mine:
            del self._held[image]
        return mine

    def release_images(self, images: Iterable[int]) -> None:
        """Take these images from whoever has them: they are answered."""
        for image in images:
            self._held.pop(image, None)

    def held_by(self, session: str) -> list[int]:
        return [image for image in list(self._held) if self.holder(image) == session]

    def counts_by_session(self) -> Counter[str]:
        """Return how many images each session has."""
        return Counter(holder for image in list(self._held) if (holder := self.holder(image)) is not None)
