"""The audit is honest where cross-validation on the labelled images is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from alframe.engine.fit import TrainingLabels, drop_labels_given_on
from alframe.engine.measuring.audit import AUDIT_BASIS, MIN_AUDIT_IMAGES, Audit, PoolConfidence, evaluate_audit
from alframe.engine.measuring.evaluate import cross_validate, evaluate_probs
from alframe.engine.measuring.intervals import difference_interval, wilson_interval
from alframe.heads.linear import Linear
from alframe.types import AuditDraw, Estimate, Evaluation, Floats

CLASSES = ("a", "b", "c")


class Ridge:
    """Least squares on one-hot classes, softened: learns in microseconds, and by heart when it can."""

    stochastic = False

    def fit(self, x, y, classes, rng):
        ones = np.column_stack([x, np.ones(len(x), x.dtype)])
        self.weight = np.linalg.solve(ones.T @ ones + np.eye(ones.shape[1]), ones.T @ np.eye(classes)[y])

    def probs(self, x):
        powers = np.exp(4 * (np.column_stack([x, np.ones(len(x), x.dtype)]) @ self.weight))
        return powers / powers.sum(axis=1, keepdims=True)


@dataclasses.dataclass
class Campaign:
    """What eight rounds came to: the truth about two populations, and ways to estimate it."""

    truth: float
    truth_of_new: float
    audit: Audit
    validated: Evaluation
    pooled: Evaluation
    leaked: Evaluation

    @property
    def unlabelled(self) -> Estimate:
        assert self.audit.unlabelled is not None
        return self.audit.unlabelled


def draw_images(rng: np.random.Generator, count: int) -> tuple[Floats, np.ndarray]:
    """Half of the images are easy."""
    y = rng.integers(3, size=count)
    x = rng.normal(size=(count, 40)).astype(np.float32)
    x[:, :3] += np.where(rng.random(count) < 0.5, 5.0, 1.2)[:, None] * np.eye(3)[y]
    return x, y


def campaign(seed: int, pool: int = 1500, batch: int = 40, drawn: int = 8, rounds: int = 8) -> Campaign:
    """Margin sampling goes for the hard half of the pool, but for the `drawn` of each batch."""
    rng = np.random.default_rng(seed)
    x, y = draw_images(rng, pool)
    free, labelled, draws, head = np.ones(pool, bool), np.array([], int), [], Ridge()
    for number in range(rounds):
        random = rng.choice(np.flatnonzero(free), drawn, replace=False)
        draws.append(AuditDraw(random, free.astype(np.int64)))
        free[random] = False
        if number:
            probs = np.sort(head.probs(x[free]), axis=1)
            hardest = np.flatnonzero(free)[np.argsort(probs[:, -1] - probs[:, -2])[: batch - drawn]]
        else:
            hardest = rng.choice(np.flatnonzero(free), batch - drawn, replace=False)
        free[hardest] = False
        labelled = np.concatenate([labelled, random, hardest])
        head.fit(x[labelled], y[labelled], 3, rng)
    training = TrainingLabels(
        labelled, y[labelled], CLASSES, labelled, np.ones(len(labelled), np.bool_), np.arange(len(labelled)) % 20
    )
    context = training.fit_context(x[:0])
    audited = np.concatenate([draw.keys for draw in draws])
    audit = evaluate_audit(Ridge, PoolConfidence(head, x), x, training, context, draws, np.flatnonzero(free), rng)
    validated = cross_validate(Ridge, x[labelled], y[labelled], context, CLASSES, rng)
    assert audit is not None and validated is not None
    truth_of = [CLASSES[at] for at in y[audited]]
    rest = np.setdiff1d(labelled, audited)
    without = Ridge()
    without.fit(x[rest], y[rest], 3, rng)
    new, true_of_new = draw_images(rng, 20_000)
    return Campaign(
        truth=float((head.probs(x[free]).argmax(axis=1) == y[free]).mean()),
        truth_of_new=float((head.probs(new).argmax(axis=1) == true_of_new).mean()),
        audit=audit,
        validated=validated,
        pooled=evaluate_probs(without.probs(x[audited]), CLASSES, truth_of, "all rounds alike"),
        leaked=evaluate_probs(head.probs(x[audited]), CLASSES, truth_of, "seen in training"),
    )


def check(campaigns: list[Campaign]) -> None:
    def compare(truth: str, which: Callable[[Campaign], Estimate | Evaluation]) -> tuple[float, float]:
        """The share of intervals that hold the truth, and the mean error."""
        found = [(getattr(one, truth), which(one)) for one in campaigns]
        covered = [measured.low <= share <= measured.high for share, measured in found]
        return float(np.mean(covered)), float(np.mean([measured.accuracy - share for share, measured in found]))

    for covered, error in (
        compare("truth", lambda one: one.unlabelled),
        compare("truth_of_new", lambda one: one.audit.evaluation),
    ):
        assert covered >= 0.9
        assert -0.02 < error < 0.01
    # Without the weights, without the refits, and all labelled images without the draw: each would be found out here.
    assert compare("truth", lambda one: one.pooled)[1] < -0.03
    assert compare("truth", lambda one: one.leaked)[1] > compare("truth", lambda one: one.pooled)[1] + 0.05
    covered, error = compare("truth", lambda one: one.validated)
    assert covered < 0.1 and error < -0.1


def test_the_intervals_hold_the_truth_of_what_is_unlabelled_and_of_new_images() -> None:
    check([campaign(seed) for seed in range(60)])


@pytest.mark.slow
def test_the_intervals_hold_the_truth_over_many_seeds() -> None:
    check([campaign(seed) for seed in range(1000, 1400)])


class Spy(Linear):
    """Notes the rows it learns from and those it predicts; every row of the features holds its own number."""

    fits: list[tuple[Floats, Floats]]

    def fit(self, x, y, classes, rng):
        self.learned = x[:, 0]
        super().fit(x, y, classes, rng)

    def probs(self, x):
        Spy.fits.append((self.learned, x[:, 0]))
        return super().probs(x)


def spied(training: TrainingLabels, keys: list[int]) -> Evaluation | None:
    x = np.column_stack([np.arange(100), np.random.default_rng(0).normal(size=(100, 3))]).astype(np.float32)
    head, rng = Linear(), np.random.default_rng(0)
    head.fit(x[training.keys], training.y, 3, rng)
    Spy.fits = []
    draws = [AuditDraw(np.array(keys, np.int64), np.ones(100, np.int64))]
    rest = np.setdiff1d(np.arange(100), training.keys)
    audit = evaluate_audit(Spy, PoolConfidence(head, x), x, training, training.fit_context(x[:0]), draws, rest, rng)
    return None if audit is None else audit.evaluation


def labels(keys: list[int], labelled_on_keys: list[int] | None = None) -> TrainingLabels:
    numbers = np.array(keys, np.int64)
    return TrainingLabels(
        numbers,
        numbers % 3,
        CLASSES,
        np.array(labelled_on_keys or keys, np.int64),
        np.ones(len(keys), np.bool_),
        np.arange(len(keys)),
    )


def test_each_image_is_predicted_once_by_a_head_that_saw_all_those_of_other_folds() -> None:
    found = spied(labels(list(range(10, 50))), [*range(20, 33), 99])  # 99 has no label yet
    assert found is not None
    assert (found.basis, found.n, len(Spy.fits)) == (AUDIT_BASIS, 13, 15)
    assert sorted(np.concatenate([asked for _, asked in Spy.fits])) == list(range(10, 50))
    for learned, asked in Spy.fits:
        assert sorted([*learned, *asked]) == list(range(10, 50))
        assert len({20 <= key < 33 for key in asked}) == 1, "a head lacks only few of the images drawn at random"


def test_what_was_propagated_from_an_image_is_left_out_with_it() -> None:
    keys = list(range(10, 50))
    told = [20 if key in (40, 41) else 10 if key == 21 else key for key in keys]
    found = spied(labels(keys, told), list(range(20, 26)))
    assert found is not None
    for learned, asked in Spy.fits:
        for group in ({20, 40, 41}, {10, 21}):
            assert group <= set(learned) or group <= set(asked)


def test_all_images_without_a_label_can_be_right_although_a_drawn_one_was_wrong() -> None:
    """The number is a sum less the known images, and the wrong ones may all be known by now."""
    low, high = difference_interval(0.98, 40, 0.02**2, 2.0)
    (wilson_low,), (wilson_high,) = wilson_interval(np.array([0.98 * 40]), np.array([40]), 2.0)
    assert wilson_high < 1 == high
    assert low == wilson_low
    assert difference_interval(0.98, 40, 0.001**2, 2.0) == (wilson_low, wilson_high), "it is never narrower"
    (only_right,) = wilson_interval(np.array([10]), np.array([10]), 2.0)[0]
    assert difference_interval(1.0, 10, 0.0, 2.0) == (only_right, 1.0)


def test_too_few_images_give_no_number() -> None:
    assert spied(labels(list(range(30))), list(range(MIN_AUDIT_IMAGES - 1))) is None
    assert spied(labels(list(range(30))), list(range(MIN_AUDIT_IMAGES))) is not None
    assert spied(labels(list(range(0, 30, 3))), list(range(30))) is None, "one class"


def test_a_class_that_only_one_drawn_image_has_is_missed() -> None:
    training = labels([*range(0, 30, 3), *range(1, 30, 3), 2])
    found = spied(training, [0, 1, 2, 3, 4, 6])
    assert found is not None
    assert found.per_class[2]["recall"] == 0
    assert (found.per_class[2]["recall_low"], found.per_class[2]["support"]) == (0, 1)


def test_a_whole_pool_without_an_unlabelled_image_is_measured_as_new_images_only() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    training, head, rng = labels(list(range(40))), Linear(), np.random.default_rng(0)
    head.fit(x, training.y, 3, rng)
    draws = [AuditDraw(np.arange(20), np.ones(40, np.int64))]
    audit = evaluate_audit(
        Linear, PoolConfidence(head, x), x, training, training.fit_context(x[:0]), draws, np.arange(0), rng
    )
    assert audit is not None
    assert (audit.unlabelled, audit.whole_pool) == (None, None)


def test_recalls_are_shares_also_after_a_round_that_nobody_answered() -> None:
    """Its images could not be drawn in the next rounds, so the drawn ones count for all of them."""
    x = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    training, head, rng = labels(list(range(60))), Linear(), np.random.default_rng(0)
    head.fit(x[training.keys], training.y, 3, rng)
    draws = [AuditDraw(np.arange(10), np.ones(300, np.int64))]
    for first in (20, 40):
        strata = np.ones(300, np.int64)
        strata[:first], strata[90:] = 0, 0  # labelled, and asked in vain
        draws.append(AuditDraw(np.arange(first, first + 4), strata))
    audit = evaluate_audit(
        Linear, PoolConfidence(head, x), x, training, training.fit_context(x[:0]), draws, np.arange(60, 300), rng
    )
    assert audit is not None
    shares = [each[name] for each in audit.evaluation.per_class for name in ("recall", "precision")]
    assert all(0 <= share <= 1 for share in shares), shares


def test_an_image_that_the_network_was_trained_on_counts_as_an_average_one() -> None:
    """Its embedding knows its label, so that any head seems right on it."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=300) > 0).astype(np.int64)
    trained_on = np.arange(120, 180)
    x[trained_on, 0] = np.where(y[trained_on] == 1, 9, -9)
    keys, is_unseen = np.arange(180), np.ones(180, np.bool_)
    draws = [AuditDraw(np.arange(120), np.ones(300, np.int64))]
    found = []
    for seen in ([], trained_on):
        is_unseen[seen] = False
        training = TrainingLabels(keys, y[:180], ("a", "b"), keys, is_unseen, keys)
        context = training.fit_context(x[:0])
        head = Linear()
        head.fit(x[keys], training.y, 2, rng)
        found.append(
            evaluate_audit(Linear, PoolConfidence(head, x), x, training, context, draws, np.arange(180, 300), rng)
        )
    leaked, honest = found
    assert leaked is not None and honest is not None and leaked.unlabelled and honest.unlabelled
    assert leaked.evaluation.accuracy > honest.evaluation.accuracy + 0.02
    assert leaked.unlabelled.accuracy < honest.unlabelled.accuracy - 0.02, "too much was taken off"


def test_an_embedding_is_trained_without_any_answer_for_an_audited_image() -> None:
    training = labels([10, 11, 12, 13], labelled_on_keys=[10, 10, 12, 13])
    left = drop_labels_given_on(training, np.array([10, 13, 99]))
    assert (left.keys.tolist(), left.y.tolist(), left.labelled_on_keys.tolist()) == ([12], [0], [12])
    assert left.classes == training.classes, "class numbers must not move"
