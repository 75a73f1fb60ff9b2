"""Estimate accuracies from images drawn at random: on the unlabelled images, on the whole pool, and on new images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType

import numpy as np

from alframe.chunks import row_slices
from alframe.contracts import Head
from alframe.engine.fit import TrainingLabels
from alframe.engine.measuring.audit_weights import weigh_audit
from alframe.engine.measuring.evaluate import AuditSample, evaluate_probs, predict_folds
from alframe.engine.measuring.intervals import (
    anytime_multiplier,
    difference_interval,
    effective_sample_sizes,
    single_look_multiplier,
)
from alframe.types import (
    UNLABELLED,
    WHOLE_POOL,
    AuditDraw,
    Bools,
    Estimate,
    Evaluation,
    FitContext,
    Floats,
    Floats64,
    Ints,
)

AUDIT_BASIS = "images drawn at random from the pool"
DEDUPLICATED_AUDIT_BASIS = f"{AUDIT_BASIS}, near-duplicates counted once"
MIN_AUDIT_IMAGES = 5  # below, the interval would span nearly everything
DRAWN_FOLDS, OTHER_FOLDS = 5, 10


@dataclass(frozen=True, slots=True)
class Audit:
    """The accuracies on three populations, estimated from the images drawn at random.

    `evaluation`: all images of the pool, each predicted by a model that has not seen its label. So it is also valid for
    new images like those in the pool. `unlabelled`: the images that have no label now. `whole_pool`: all images, where
    labels of people count as right. The last two are None if all images that could have been drawn have a label.
    """

    evaluation: Evaluation
    unlabelled: Estimate | None
    whole_pool: Estimate | None


def evaluate_audit(
    make_head: Callable[[], Head],
    confidence: PoolConfidence,
    features: Floats,
    training: TrainingLabels,
    context: FitContext,
    draws: Sequence[AuditDraw],
    unlabelled: Ints,
    rng: np.random.Generator,
    basis: str = AUDIT_BASIS,
    image_counts: Mapping[str, str] = MappingProxyType({}),
) -> Audit | None:
    """Estimate the accuracies from the random `draws`, oldest first; None for fewer than 5 images, or one class.

    `features` (N, D) are by item key. `confidence` is the confidence of the present model, fitted with the `context`,
    and `unlabelled` (u,) are the keys of the images that it predicts. The present head has learned the labels of the
    labelled images, so it cannot be tested on them: see `predict_out_of_fold`.

    Each number is the sum of the model's confidence over all images of a population, corrected by the error of this
    confidence on the images drawn at random (prediction-powered inference: Angelopoulos, Duchi and Zrnic 2023, arXiv
    2311.01453). The confidence makes the estimate more exact, and causes no bias. `audit_weights` explains the weights
    of the draws of all rounds. The estimate is valid for this pool, not for other places.
    """
    by_people = training.keys[training.is_by_people]  # a propagated label is not independent evidence
    draws = [replace(draw, keys=np.intersect1d(draw.keys, by_people)) for draw in draws]
    is_labelled, is_unlabelled = np.zeros(len(features), bool), np.zeros(len(features), bool)
    is_labelled[training.keys] = True
    is_unlabelled[unlabelled] = True
    weights = weigh_audit(draws, is_labelled, is_unlabelled & ~is_labelled)
    if np.count_nonzero(weights.drawn) < MIN_AUDIT_IMAGES or len(np.unique(training.y)) < 2:
        return None
    probs = predict_out_of_fold(make_head, features, training, context, weights.drawn > 0, rng)
    right, sure = probs.argmax(axis=1) == training.y, probs.max(axis=1).astype(np.float64)
    rest = np.flatnonzero(weights.could_be_drawn & is_unlabelled & ~is_labelled)
    sure_of_rest = confidence.of(rest).sum(dtype=np.float64)
    stands_for, taken_off = weights.drawn[training.keys], weights.labelled[training.keys]
    # Of an image that the network was fine-tuned on, nobody knows what a model would say that has not seen it.
    is_known = training.is_unseen_by_backbone | (stands_for > 0)
    residuals, trust = _residuals_and_trust(right, sure, stands_for, is_known)
    right_of_rest = float(trust * sure_of_rest + ((stands_for - taken_off) * residuals).sum())
    right_of_labelled = float(np.where(is_known, right, np.average(right, weights=stands_for)).sum())
    images = len(training.keys) + len(rest)
    estimate = partial(_estimate, residuals, stands_for)
    found = estimate(basis, images, right_of_rest + right_of_labelled, is_sample=True)
    truth = [training.classes[number] for number in training.y.tolist()]
    # Images that were asked for in vain could not be drawn, so more may be taken off an image than it counts for.
    sample = AuditSample(np.where(is_known, np.maximum(stands_for + 1 - taken_off, 0), 0), stands_for)
    evaluation = replace(
        evaluate_probs(probs, training.classes, truth, basis, image_counts, sample),
        accuracy=found.accuracy,
        low=found.low,
        high=found.high,
        micro_precision=found.accuracy,
        micro_recall=found.accuracy,
        micro_f1=found.accuracy,
    )
    if not len(rest):
        return Audit(evaluation, None, None)
    return Audit(
        evaluation,
        estimate(UNLABELLED, len(rest), right_of_rest),
        estimate(WHOLE_POOL, images, right_of_rest + len(training.keys)),
    )


def _residuals_and_trust(right: Bools, sure: Floats64, stands_for: Floats64, is_known: Bools) -> tuple[Floats64, float]:
    """Return the residuals of the labelled images (m,), `right` minus trust times the confidence `sure`, and the trust.

    The trust, 0 to 1, is the factor of `sure` with which the residuals vary least: the power tuning of prediction-
    powered inference (Angelopoulos, Duchi and Zrnic 2023, arXiv 2311.01453). Images for which `right` is not known
    (`is_known`) get the mean error.
    """
    squares = np.square(stands_for)
    centred = sure - np.average(sure, weights=squares)
    variance = float((squares * centred**2).sum())
    trust = float(np.clip((squares * centred * right).sum() / variance, 0, 1)) if variance else 0.0
    residuals = right - trust * sure
    residuals[~is_known] = np.average(residuals, weights=stands_for)
    return residuals, trust


def _estimate(
    residuals: Floats64, stands_for: Floats64, population: str, images: int, right: float, is_sample: bool = False
) -> Estimate:
    """Return the accuracy on a population of `images` of which about `right` are right, with its intervals.

    `residuals` (m,) are the residuals of the labelled images. Images with a weight `stands_for` (m,) were drawn at
    random. `is_sample`: the images are a sample of a larger population, and the estimate is for this population.
    """
    drawn = stands_for > 0
    count, share = int(np.count_nonzero(drawn)), min(max(right / images, 0.0), 1.0)
    parts = np.square(stands_for[drawn] / images)
    centred = residuals[drawn] - np.average(residuals[drawn], weights=stands_for[drawn])
    variance = float((parts * centred**2).sum()) * count / (count - 2) + is_sample * share * (1 - share) / images
    effective = float(effective_sample_sizes(np.array(share), parts.sum(), np.array(variance), np.array(count)))
    once = difference_interval(share, effective, variance, single_look_multiplier(count))
    always = difference_interval(share, effective, variance, float(anytime_multiplier(count)))
    return Estimate(population, images, count, share, *once, *always)


def predict_out_of_fold(
    make_head: Callable[[], Head],
    features: Floats,
    training: TrainingLabels,
    context: FitContext,
    is_drawn: Bools,
    rng: np.random.Generator,
) -> Floats:
    """Return (m, C) the predictions of each labelled image by heads that have not seen its label.

    `is_drawn` (N,) is by item key. Each head is fitted on all labels except those of a fold: a fifth of the images
    drawn at random, or a tenth of the others. So each head lacks few labels, and all of them were chosen in the same
    way. Labels propagated from an image belong to the same fold. All other labels stay in training, also labels of the
    same sequence, because the present head has also seen other images of the sequences in the rest of the pool.
    """
    sources = np.unique(training.labelled_on_keys)
    splits = []
    for group, folds in ((sources[is_drawn[sources]], DRAWN_FOLDS), (sources[~is_drawn[sources]], OTHER_FOLDS)):
        for fold in np.array_split(rng.permutation(group), max(1, min(folds, len(group)))):
            is_test = np.isin(training.labelled_on_keys, fold)
            if is_test.any():
                splits.append((np.flatnonzero(~is_test), np.flatnonzero(is_test)))
    x, classes = features[training.keys], len(training.classes)
    return predict_folds(make_head, x, training.y, context, classes, splits, rng)


class PoolConfidence:
    """The highest class probability that a fitted `head` gives each image of `features` (N, D), and the class.

    The whole pool is predicted at the first use, and only once. So the last bits of a value do not depend on the keys
    of a call, and a resumed run has the same values.
    """

    def __init__(self, head: Head, features: Floats) -> None:
        self._head, self._features = head, features

    def of(self, keys: Ints) -> Floats:
        """Return the confidence (n,) of the head on the images `keys` (n,)."""
        return self._predicted[1][keys]

    def class_numbers(self, keys: Ints) -> Ints:
        """Return (n,) the most probable class of the images `keys` (n,)."""
        return self._predicted[0][keys]

    @cached_property
    def _predicted(self) -> tuple[Ints, Floats]:
        chunks = (self._head.probs(self._features[rows]) for rows in row_slices(len(self._features)))
        classes, confidence = zip(*((probs.argmax(axis=1), probs.max(axis=1)) for probs in chunks), strict=True)
        return np.concatenate(classes), np.concatenate(confidence)
