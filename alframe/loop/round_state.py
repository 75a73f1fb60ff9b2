"""What a process keeps from one round to the next, only to save time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from alframe.engine.listing.pool_listing import PoolListing
from alframe.loop.values import Embedded

log = logging.getLogger(__name__)
LISTED = 10  # problems logged one by one; of the rest the number


@dataclass
class ProblemLog:
    """Logs each problem once in this process."""

    logged: set[str] = field(default_factory=set)

    def log_new(self, problems: Sequence[str]) -> None:
        """Log those of the problems that were not logged before."""
        new = [problem for problem in dict.fromkeys(problems) if problem not in self.logged]
        self.logged.update(new)
        for problem in new[:LISTED]:
            log.warning("%s", problem)
        if len(new) > LISTED:
            log.warning("... and %d more like these; `alframe status` lists all of them.", len(new) - LISTED)


@dataclass
class RoundState:
    """All of it is derived from the ledger and the stores, so losing it costs time only.

    `embedded` is what the last round embedded, for as long as the network stays the same. `seconds`: what each phase
    took since the last record.
    """

    listing: PoolListing
    embedded: Embedded | None = None
    problems: ProblemLog = field(default_factory=ProblemLog)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the time until the end of the block to that of the phase."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start
