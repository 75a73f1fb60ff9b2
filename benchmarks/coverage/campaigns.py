"""A campaign in memory, by the engine's own functions: draw, choose, learn, and measure after every round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alframe.contracts import Head, Sampler
from alframe.engine.fit import TrainingLabels
from alframe.engine.measuring.audit import Audit, PoolConfidence, evaluate_audit
from alframe.engine.select import draw_audit, select_with_sequence_limit
from alframe.kit.composite import build_part, fit_head
from alframe.kit.pool_views import make_pool_view
from alframe.types import AuditDraw, Bools, Ints
from benchmarks.coverage.image_sets import Population

PER_SEQUENCE = 1  # images that the sampler may choose of a sequence in a batch: the default of a campaign


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a campaign: `pool` images, and `rounds` of `batch` labels; the fraction `audit` is drawn at random.

    `start` is the sampler of the first batch.
    """

    sampler: str
    head: str = "linear"
    pool: int = 800
    batch: int = 20
    rounds: int = 9
    audit: float = 0.2
    strata: bool = True
    start: str = "random"


@dataclass(frozen=True, slots=True)
class Look:
    """The estimates after a round, and the true values: accuracies 0..1, and recalls (C,) for new images.

    `pooled` has the hits and the number of all drawn images, without weights.
    """

    labels: int
    audit: Audit
    unlabelled: float
    whole_pool: float
    new: float
    recalls: list[float | None]
    pooled: tuple[int, int]


def play(population: Population, plan: Plan, seed: int, every: int = 1) -> Iterator[Look]:
    """Yield a look every `every` rounds and after the last round, as soon as there are estimates."""
    pool_rng, head_rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    pool = population.draw(plan.pool, pool_rng)
    x, y = pool.x, pool.y
    sampler, start = (build_part("sampler", {"name": name}) for name in (plan.sampler, plan.start))
    head: Head | None = None
    is_labelled, draws = np.zeros(len(x), bool), list[AuditDraw]()

    def new_head() -> Head:
        head: Head = build_part("head", {"name": plan.head})
        return head

    training = _training(is_labelled, y)
    for number in range(1, plan.rounds + 1):
        candidates, rng = np.flatnonzero(~is_labelled), np.random.default_rng([seed, 2, number])
        sure = head.probs(x[candidates]).max(axis=1) if head is not None and plan.strata else None
        draw = draw_audit(candidates, plan.batch, plan.audit, rng, sure)
        draws.append(draw)
        keys, left = np.setdiff1d(candidates, draw.keys, assume_unique=True), plan.batch - len(draw.keys)
        chooser: Sampler = start if head is None else sampler
        view = make_pool_view(chooser, x, keys, training.keys, training.y, rng, head, sequences=pool.sequences)
        chosen = select_with_sequence_limit(chooser, view, pool.sequences[keys], left, PER_SEQUENCE, rng).keys
        is_labelled[draw.keys] = is_labelled[chosen] = True
        training = _training(is_labelled, y)
        if len(training.classes) < 2:
            continue
        head = new_head()
        context = training.fit_context(x[:0])
        fit_head(head, x[training.keys], training.y, len(training.classes), head_rng, context)
        if number % every and number < plan.rounds:
            continue
        rest, audit_rng = np.flatnonzero(~is_labelled), np.random.default_rng([seed, 3, number])
        confidence = PoolConfidence(head, x)
        audit = evaluate_audit(new_head, confidence, x, training, context, draws, rest, audit_rng)
        if audit is None:
            continue
        known = np.array(training.classes, np.int64)
        right, right_new = (
            known[head.probs(x[rest]).argmax(1)] == y[rest],
            known[head.probs(pool.new_x).argmax(1)] == pool.new_y,
        )
        yield Look(
            labels=len(training.keys),
            audit=audit,
            unlabelled=float(right.mean()),
            whole_pool=float((right.sum() + len(training.keys)) / len(x)),
            new=float(right_new.mean()),
            recalls=[float(right_new[of].mean()) if (of := pool.new_y == k).any() else None for k in known],
            pooled=(int(np.trace(np.array(audit.evaluation.confusion))), audit.evaluation.n),
        )


def _training(is_labelled: Bools, y: Ints) -> TrainingLabels:
    """Return the labels so far and their classes, as in a real campaign."""
    keys = np.flatnonzero(is_labelled)
    classes, numbers = np.unique(y[keys], return_inverse=True)
    names = tuple(map(str, classes.tolist()))
    return TrainingLabels(keys, numbers, names, keys, np.ones(len(keys), bool), np.arange(len(keys)))
