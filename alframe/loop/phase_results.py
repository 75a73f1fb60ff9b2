"""The values that the phases of a round pass to each other, and that a process keeps between rounds."""

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
    """All labels there are, and how many requests are closed: 0 before the first answer."""

    labels: DecidedLabels
    closed_round_count: int


@dataclass(frozen=True, slots=True)
class EmbeddedPool:
    """The listed items with the features that `embedder` made of them.

    `replaced`: items whose files have changed since they were requested; they are not used for training.
    `representatives` (N,): the item that stands for each, most often itself.
    """

    listing: PoolListing
    embedder: FeatureSource
    embedding: PoolEmbedding
    replaced: Set[int]
    representatives: Ints

    @property
    def is_duplicate_of_held_out(self) -> npt.NDArray[np.bool_]:
        """(N,) whether this pool item nearly duplicates a held-out one: training on it would leak test information."""
        is_held_out = self.listing.is_held_out
        return ~is_held_out & is_held_out[self.representatives]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The `keys` (n,) of the images that may be requested now, and those (u,) of all readable ones without a label."""

    keys: Ints
    unlabelled_keys: Ints


@dataclass(frozen=True, slots=True)
class HeadFitResult:
    """The labelled images and the head fitted on them; `head` is None while they are of fewer than two classes.

    `context` is what else the head was fitted with, and `confidence` how sure it is of each image of the pool.
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
    """A batch before it is requested: its images in order, those drawn at random, and the events to store with it."""

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
    """All of it is derived from the ledger and the stores, so losing it costs time only.

    `embedded` is what the last round embedded, for as long as the network stays the same. `seconds`: what each phase
    took since the last record. `data_digest` is of the images' contents; empty until it is computed.
    """

    listing: PoolListing
    embedded: EmbeddedPool | None = None
    problems: ProblemLog = field(default_factory=ProblemLog)
    seconds: dict[str, float] = field(default_factory=dict)
    data_digest: str = ""

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the time until the end of the block to that of the phase."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start
