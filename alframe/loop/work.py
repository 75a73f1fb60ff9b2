"""What a process keeps from one round to the next."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from alframe.contracts import Head
from alframe.engine.embed import Embedding
from alframe.engine.embedder import Embedder
from alframe.engine.fit import Training
from alframe.engine.manifest import Manifest
from alframe.store.ledger import Ledger


@dataclass
class Work:
    """All of it is derived from the ledger and the stores, so losing it costs time only."""

    manifest: Manifest
    embedder: Embedder | None = None
    embedding: Embedding | None = None
    head: Head | None = None
    training: Training | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)  # items that show something else than when they were asked for
    reported: set[str] = field(default_factory=set)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start


def round_number(ledger: Ledger) -> int:
    """The round under way: how many requests are answered; 0 while only what was known from the start counts."""
    return sum(one.answered for one in ledger.rounds())
