"""The values that the phases of a round pass to each other, and the values that a process keeps between rounds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from alframe.contracts import Head
from alframe.engine.embedding.embed_pool import PoolEmbedding
from alframe.engine.embedding.feature_source import FeatureSource
from alframe.engine.fit import TrainingLabels
from alframe.engine.listing.pool_listing import PoolListing
from alframe.engine.measuring.audit import PoolConfidence
from alframe.errors import LabelError
from alframe.loop.labels import DecidedLabels
from alframe.store.events import Event
from alframe.types import AuditDraw, FitContext, Ints, Selection

log = logging.getLogger(__name__)
MAX_LOGGED_PROBLEMS = 10  # problems logged one by one; of the rest the number


@dataclass(frozen=True, slots=True)
class LabelSnapshot:
    """All labels so far, and the number of closed requests (0 before the first answer)."""

    labels: DecidedLabels
    closed_round_count: int


@dataclass(frozen=True, slots=True)
class EmbeddedPool:
    """The listed items and their features from `embedder`.

    `replaced`: items whose files have changed since they were requested; they are not used for training.
    `representatives` (N,): the representative of each item in its group of near-duplicates, mostly the item itself.
    """

    listing: PoolListing
    embedder: FeatureSource
    embedding: PoolEmbedding
    replaced: Set[int]
    representatives: Ints

    @property
    def is_duplicate_of_held_out(self) -> npt.NDArray[np.bool_]:
        """(N,) whether a pool item is a near-duplicate of a held-out item, so that it must not be used for training."""
        is_held_out = self.listing.is_held_out
        return ~is_held_out & is_held_out[self.representatives]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The `keys` (n,) of the images that may be requested now, and the keys (u,) of all readable unlabelled images."""

    keys: Ints
    unlabelled_keys: Ints


@dataclass(frozen=True, slots=True)
class HeadFitResult:
    """The labelled images and the head that was fitted on them. `head` is None for labels of fewer than two classes.

    `context` contains the other inputs of the head, and `confidence` its confidence in each image of the pool.
    """

    embedded: EmbeddedPool
    training_labels: TrainingLabels
    context: FitContext
    head: Head | None
    confidence: PoolConfidence | None = None

    def require_head(self) -> Head:
        """Return the head. Raises LabelError if there are too few labels for one."""
        if self.head is None:
            raise LabelError(
                "There is no model yet: it needs labels of at least two classes. Label more and run again."
            )
        return self.head


@dataclass(frozen=True, slots=True)
class ChosenBatch:
    """A batch before its request: its images in order, the images drawn at random, and the events to store with it."""

    round_number: int
    selection: Selection
    audit_draw: AuditDraw
    events: list[Event]


class ProblemLog(set[str]):
    """The problems that were logged in this process."""

    def log_new(self, problems: Sequence[str]) -> None:
        new = [problem for problem in dict.fromkeys(problems) if problem not in self]
        self.update(new)
        for problem in new[:MAX_LOGGED_PROBLEMS]:
            log.warning("%s", problem)
        if (more := len(new) - MAX_LOGGED_PROBLEMS) > 0:
            log.warning("... and %d more like these; `alframe status` lists all of them.", more)


@dataclass
class RunCache:
    """Values from the ledger and the stores. If they are lost, computing them again takes time, but changes nothing.

    `embedded`: the embedding of the last round, while the network stays the same. `seconds`: the time of each phase
    since the last record. `data_digest`: the digest of the images' contents, empty until it is computed.
    """

    listing: PoolListing
    embedded: EmbeddedPool | None = None
    problems: ProblemLog = field(default_factory=ProblemLog)
    seconds: dict[str, float] = field(default_factory=dict)
    data_digest: str = ""

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the time until the end of the block to the time of the phase."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start
