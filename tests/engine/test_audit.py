"""The audit is honest where cross-validation on the labelled images is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from alframe.engine.fit import AUDIT_BASIS, MIN_AUDIT_IMAGES, TrainingLabels, drop_answers, evaluate_audit
from alframe.engine.measuring.evaluate import cross_validate, evaluate_probs
from alframe.heads.linear import Linear
from alframe.types import Evaluation, Floats

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
    """What eight rounds came to: the truth about the images that are left, and three ways to estimate it."""

    truth: float
    audited: Evaluation
    validated: Evaluation
    leaked: Evaluation


def campaign(seed: int, batch: int = 20, drawn: int = 5, rounds: int = 8) -> Campaign:
    """Half of the pool is easy; margin sampling goes for the other half, but for the `drawn` of each batch."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=4000)
    x = rng.normal(size=(4000, 40)).astype(np.float32)
    x[:, :3] += np.where(rng.random(4000) < 0.5, 5.0, 1.2)[:, None] * np.eye(3)[y]
    free, labelled, audited, head = np.ones(4000, bool), np.array([], int), np.array([], int), Ridge()
    for number in range(rounds):
        random = rng.choice(np.flatnonzero(free), drawn, replace=False)
        free[random] = False
        if number:
            probs = np.sort(head.probs(x[free]), axis=1)
            hardest = np.flatnonzero(free)[np.argsort(probs[:, -1] - probs[:, -2])[: batch - drawn]]
        else:
            hardest = rng.choice(np.flatnonzero(free), batch - drawn, replace=False)
        free[hardest] = False
        labelled, audited = np.concatenate([labelled, random, hardest]), np.concatenate([audited, random])
        head.fit(x[labelled], y[labelled], 3, rng)
    truth = float((head.probs(x[free]).argmax(axis=1) == y[free]).mean())
    training = TrainingLabels(labelled, y[labelled], CLASSES, labelled, np.ones(len(labelled), np.bool_))
    honest = evaluate_audit(Ridge, x, training, audited, rng)
    validated = cross_validate(
        Ridge,
        x[labelled],
        y[labelled],
        training.is_unseen_by_backbone,
        CLASSES,
        [str(at % 20) for at in range(len(labelled))],
        rng,
    )
    assert honest is not None and validated is not None
    leaked = evaluate_probs(head.probs(x[audited]), CLASSES, [CLASSES[at] for at in y[audited]], "seen in training")
    return Campaign(truth, honest, validated, leaked)


def covered(campaigns: list[Campaign], which: str) -> float:
    found = [(one.truth, getattr(one, which)) for one in campaigns]
    return float(np.mean([measured.low <= truth <= measured.high for truth, measured in found]))


def mean_error(campaigns: list[Campaign], which: str) -> float:
    return float(np.mean([getattr(one, which).accuracy - one.truth for one in campaigns]))


def check(campaigns: list[Campaign]) -> None:
    assert covered(campaigns, "audited") >= 0.9
    assert -0.04 < mean_error(campaigns, "audited") < 0.01, "a little too strict, and never flattering"
    # The same images without the refits, and all labelled images without the draw: both would be found out here.
    assert covered(campaigns, "leaked") < 0.7 and mean_error(campaigns, "leaked") > 0.08
    assert covered(campaigns, "validated") < 0.1 and mean_error(campaigns, "validated") < -0.1


def test_its_interval_holds_the_truth_of_the_pool() -> None:
    check([campaign(seed) for seed in range(50)])


@pytest.mark.slow
def test_its_interval_holds_the_truth_of_the_pool_over_many_seeds() -> None:
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
    Spy.fits = []
    x = np.column_stack([np.arange(100), np.random.default_rng(0).normal(size=(100, 3))]).astype(np.float32)
    return evaluate_audit(Spy, x, training, np.array(keys, np.int64), np.random.default_rng(0))


def labels(keys: list[int], labelled_on: list[int] | None = None) -> TrainingLabels:
    numbers = np.array(keys, np.int64)
    return TrainingLabels(
        numbers, numbers % 3, CLASSES, np.array(labelled_on or keys, np.int64), np.ones(len(keys), np.bool_)
    )


def test_each_image_is_predicted_once_by_a_head_that_saw_all_the_others_of_the_other_folds() -> None:
    found = spied(labels(list(range(10, 50))), [*range(20, 33), 99])  # 99 has no label yet
    assert found is not None
    assert (found.basis, found.n, len(Spy.fits)) == (AUDIT_BASIS, 13, 5)
    assert sorted(np.concatenate([asked for _, asked in Spy.fits])) == list(range(20, 33))
    for learned, asked in Spy.fits:
        assert sorted([*learned, *asked]) == list(range(10, 50))


def test_what_was_propagated_from_an_image_is_left_out_with_it() -> None:
    keys = list(range(10, 50))
    told = [20 if key in (40, 41) else 10 if key == 21 else key for key in keys]
    found = spied(labels(keys, told), list(range(20, 26)))
    assert found is not None
    assert found.n == 5, "nobody looked at 21 itself"
    for learned, asked in Spy.fits:
        assert {40, 41} <= set(learned) or 20 in asked
        assert not {20, 40, 41} & set(learned) or 20 not in asked
        assert 21 in learned


def test_too_few_images_give_no_number() -> None:
    assert spied(labels(list(range(30))), list(range(MIN_AUDIT_IMAGES - 1))) is None
    assert spied(labels(list(range(30))), list(range(MIN_AUDIT_IMAGES))) is not None
    assert spied(labels(list(range(0, 30, 3))), list(range(30))) is None, "one class"


def test_a_class_that_only_one_audited_image_has_is_missed() -> None:
    training = labels([*range(0, 30, 3), *range(1, 30, 3), 2])
    found = spied(training, [0, 1, 2, 3, 4, 6])
    assert found is not None
    assert found.per_class[2]["recall"] == 0
    assert (found.per_class[2]["recall_low"], found.per_class[2]["support"]) == (0, 1)


def test_an_embedding_is_trained_without_any_answer_for_an_audited_image() -> None:
    training = labels([10, 11, 12, 13], labelled_on=[10, 10, 12, 13])
    left = drop_answers(training, np.array([10, 13, 99]))
    assert (left.keys.tolist(), left.y.tolist(), left.labelled_on_keys.tolist()) == ([12], [0], [12])
    assert left.classes == training.classes, "class numbers must not move"
