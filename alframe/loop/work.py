"""What a process keeps from one round to the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from alframe.contracts import Head
from alframe.engine.embedding.embed_pool import Embedding
from alframe.engine.embedding.embedder import Embedder
from alframe.engine.fit import Training
from alframe.engine.listing.pool_listing import PoolListing
from alframe.store.ledger import Ledger
from alframe.types import Ints

log = logging.getLogger(__name__)
LISTED = 10  # problems said one by one; the rest is a number


@dataclass
class Reported:
    """What the user has been told in this process, so that nothing is said twice."""

    said: set[str] = field(default_factory=set)

    def report(self, problems: Sequence[str]) -> None:
        """Log those that are new."""
        new = [problem for problem in dict.fromkeys(problems) if problem not in self.said]
        self.said.update(new)
        for problem in new[:LISTED]:
            log.warning("%s", problem)
        if len(new) > LISTED:
            log.warning("... and %d more like these; `alframe status` lists all of them.", len(new) - LISTED)


@dataclass
class Work:
    """All of it is derived from the ledger and the stores, so losing it costs time only."""

    listing: PoolListing
    embedder: Embedder | None = None
    embedding: Embedding | None = None
    head: Head | None = None
    training: Training | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)  # items that show something else than when they were asked for
    leader: Ints | None = None  # (N,) which item stands for each, if near-duplicates are folded
    reported: Reported = field(default_factory=Reported)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start


def round_number(ledger: Ledger) -> int:
    """The round under way: how many requests are answered; 0 while only what was known from the start counts."""
    return sum(one.answered for one in ledger.rounds())
