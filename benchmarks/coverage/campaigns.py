"""A campaign in memory, by the engine's own functions: draw, choose, learn, and measure after every round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alframe.contracts import Head, Sampler
from alframe.engine.fit import TrainingLabels
from alframe.engine.measuring.audit import Audit, PoolConfidence, evaluate_audit
from alframe.engine.select import draw_audit, run_sampler
from alframe.kit.composite import build_part, fit_head
from alframe.kit.pool_views import make_pool_view
from alframe.types import AuditDraw, Bools, Ints
from benchmarks.coverage.image_sets import Population


@dataclass(frozen=True, slots=True)
class Plan:
    """How a campaign goes: `pool` images, `rounds` of `batch` labels, of which the part `audit` is drawn at random."""

    sampler: str
    head: str = "linear"
    pool: int = 800
    batch: int = 20
    rounds: int = 9
    audit: float = 0.2
    strata: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """What was known after a round, and the truth: accuracies 0..1, and of new images the recalls (C,).

    `pooled` holds hits and number of all drawn images, as if they counted alike.
    """

    labels: int
    audit: Audit
    unlabelled: float
    whole_pool: float
    new: float
    recalls: list[float | None]
    pooled: tuple[int, int]


def play(population: Population, plan: Plan, seed: int, every: int = 1) -> Iterator[Look]:
    """Yield a look after every `every` rounds and after the last one, as soon as there is something to see."""
    pool_rng, head_rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    x, y, new_x, new_y = population.draw(plan.pool, pool_rng)
    sampler: Sampler = build_part("sampler", {"name": plan.sampler})
    head: Head | None = None
    is_labelled, draws = np.zeros(plan.pool, bool), list[AuditDraw]()
    classes = tuple(map(str, range(population.classes)))

    def new_head() -> Head:
        head: Head = build_part("head", {"name": plan.head})
        return head

    training = _training(is_labelled, y, classes)
    for number in range(1, plan.rounds + 1):
        candidates, rng = np.flatnonzero(~is_labelled), np.random.default_rng([seed, 2, number])
        sure = head.probs(x[candidates]).max(axis=1) if head is not None and plan.strata else None
        draw = draw_audit(candidates, plan.batch, plan.audit, rng, sure)
        draws.append(draw)
        keys, left = np.setdiff1d(candidates, draw.keys, assume_unique=True), plan.batch - len(draw.keys)
        if head is None:
            chosen = rng.choice(keys, left, replace=False)
        else:
            view = make_pool_view(sampler, x, keys, training.keys, training.y, rng, head)
            chosen = run_sampler(sampler, view, left, rng).keys
        is_labelled[draw.keys] = is_labelled[chosen] = True
        training = _training(is_labelled, y, classes)
        if len(np.unique(training.y)) < 2:
            continue
        head = new_head()
        context = training.fit_context(x[:0])
        fit_head(head, x[training.keys], training.y, len(classes), head_rng, context)
        if number % every and number < plan.rounds:
            continue
        rest = np.flatnonzero(~is_labelled)

        audit = evaluate_audit(
            new_head,
            PoolConfidence(head, x),
            x,
            training,
            context,
            draws,
            rest,
            np.random.default_rng([seed, 3, number]),
        )
        if audit is None:
            continue
        right, right_new = (head.probs(x[rest]).argmax(1) == y[rest]), (head.probs(new_x).argmax(1) == new_y)
        yield Look(
            labels=len(training.keys),
            audit=audit,
            unlabelled=float(right.mean()),
            whole_pool=float((right.sum() + len(training.keys)) / plan.pool),
            new=float(right_new.mean()),
            recalls=[float(right_new[new_y == k].mean()) if (new_y == k).any() else None for k in range(len(classes))],
            pooled=(int(np.trace(np.array(audit.evaluation.confusion))), audit.evaluation.n),
        )


def _training(is_labelled: Bools, y: Ints, classes: tuple[str, ...]) -> TrainingLabels:
    keys = np.flatnonzero(is_labelled)
    return TrainingLabels(keys, y[keys], classes, keys, np.ones(len(keys), bool), np.arange(len(keys)))
