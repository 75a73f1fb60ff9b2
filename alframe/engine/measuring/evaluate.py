"""Measure a head on images from which it has not learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from alframe.contracts import Head
from alframe.engine.measuring.intervals import effective_sample_sizes, wilson_interval
from alframe.kit.composite import fit_head
from alframe.kit.folds import stratified_group_folds
from alframe.types import CROSS_VALIDATION_BASIS, Bools, Evaluation, FitContext, Floats, Floats64, Ints

CALIBRATION_BINS = 15  # of the confidence, for the calibration error
HELD_OUT_BASIS = "held-out images"
UNSEEN_BASIS = "labelled images that fine-tuning did not use, by cross-validation"
MIN_LABELS = 10  # of images that the network has not seen: fewer are not worth a number
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)  # so much a class costs of which the head has never heard


@dataclass(frozen=True, slots=True)
class AuditSample:
    """The weights of images with a known class, of which only some were drawn at random.

    `weight` (n,): the number of images of the pool for which each image counts. `drawn_weight` (n,): the part of this
    weight that it has because it was drawn at random, or 0.
    """

    weight: Floats64
    drawn_weight: Floats64


def evaluate_probs(
    probs: Floats,
    classes: Sequence[str],
    truth: Sequence[str],
    basis: str,
    image_counts: Mapping[str, str] = MappingProxyType({}),
    sample: AuditSample | None = None,
) -> Evaluation:
    """Return the evaluation of `probs` (n, C) over `classes` against the true class names (n,).

    An image of a class that the head does not know counts as wrong. The result has every class that is known, true, or
    in `image_counts` (see Evaluation). The scores of a class without a test image are None. With a `sample`, the scores
    are weighted, and the number of test images is the number of images drawn at random.
    """
    names = tuple(sorted({*classes, *truth, *image_counts}))
    numbers = {name: number for number, name in enumerate(names)}
    known = np.array([numbers[name] for name in classes])
    predicted = known[probs.argmax(axis=1)]
    actual = np.array([numbers[name] for name in truth])
    if sample is None:
        sample = AuditSample(np.ones(len(actual)), np.ones(len(actual)))
    is_test, weights = sample.drawn_weight > 0, sample.weight
    matrix = count_confusion(actual[is_test], predicted[is_test], len(names))
    support, predictions = matrix.sum(axis=1), matrix.sum(axis=0)
    precision, recall, f1 = precision_recall_f1(actual, predicted, len(names), weights)
    has_images, is_predicted = support > 0, predictions > 0
    is_right = predicted == actual
    accuracy = float(np.average(is_right, weights=weights))
    everything = np.zeros(len(actual), np.int64)
    (low,), (high,) = _weighted_intervals(np.array([accuracy]), is_right, everything, sample)
    recall_low, recall_high = _weighted_intervals(recall, is_right, actual, sample)
    precision_low, precision_high = _weighted_intervals(precision, is_right, predicted, sample)
    scores = {
        "precision": precision,
        "precision_low": precision_low,
        "precision_high": precision_high,
        "recall": recall,
        "recall_low": recall_low,
        "recall_high": recall_high,
        "f1": f1,
    }
    # Averages are over the classes that the test images have, as in scikit-learn's balanced accuracy.
    return Evaluation(
        basis=basis,
        n=int(support.sum()),
        accuracy=accuracy,
        low=float(low),
        high=float(high),
        balanced_accuracy=float(recall[has_images].mean()),
        macro_precision=float(precision[has_images].mean()),
        macro_recall=float(recall[has_images].mean()),
        macro_f1=float(f1[has_images].mean()),
        classes=names,
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        per_class=tuple(
            {name: float(values[number]) if count else None for name, values in scores.items()} | {"support": count}
            for number, count in enumerate(support.tolist())
        ),
        micro_precision=accuracy,  # each image has one class, so the micro averages are all equal
        micro_recall=accuracy,
        micro_f1=accuracy,
        log_loss=_log_loss(probs, known, actual, len(names), weights),
        calibration_error=calibration_error(probs.max(axis=1), is_right, weights),
        sklearn_macro_f1=float(f1[has_images | is_predicted].mean()),
        image_counts={
            name: image_counts[name] for name in names if name in image_counts and not support[numbers[name]]
        },
    )


def _weighted_intervals(
    shares: Floats64, is_right: Bools, stratum: Ints, sample: AuditSample
) -> tuple[Floats64, Floats64]:
    """Return 95 % bounds (k,) of the shares that are right, for each of k strata. `stratum` (n,) is that of each image.

    The bounds are Wilson's for the effective number of images. If all images have the same weight, this is the number
    of images. Without a test image in the stratum, the bounds are 0 and 1.
    """
    size = len(shares)
    totals = np.bincount(stratum, sample.weight, size)
    parts = np.square(sample.drawn_weight / np.where(totals > 0, totals, 1)[stratum])
    counts = np.bincount(stratum[sample.drawn_weight > 0], minlength=size)
    squares = np.bincount(stratum, parts, size).astype(np.float64)
    variance = np.bincount(stratum, parts * np.square(is_right - shares[stratum]), size).astype(np.float64)
    measured, effective = counts > 0, np.zeros(size)
    effective[measured] = effective_sample_sizes(
        shares[measured], squares[measured], variance[measured], counts[measured]
    )
    return wilson_interval(shares * effective, effective)


def calibration_error(confidence: Floats | Floats64, right: Bools, weights: Floats64 | None = None) -> float:
    """Return the difference between confidence and accuracy, as the mean over 15 equal bins weighted by their images.

    This is the expected calibration error of Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated
    probabilities using Bayesian binning", for the predicted class: `confidence` (n,), and whether it is `right` (n,).
    If there are weights (n,), each image has its weight.
    """
    weights = np.ones(len(right)) if weights is None else weights
    confidence = confidence.astype(np.float64)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS) - 1, 0, CALIBRATION_BINS - 1)
    gaps = np.bincount(bins.astype(np.int64), weights * (right - confidence), CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def _log_loss(probs: Floats, known: Ints, actual: Ints, classes: int, weights: Floats64) -> float:
    if classes < 2:
        return 0.0
    all_probs = np.zeros((len(probs), classes), np.float32)
    all_probs[:, known] = probs
    return log_loss(all_probs, actual, weights)


def cross_validate(
    make_head: Callable[[], Head],
    x: Floats,
    y: Ints,
    context: FitContext,
    classes: Sequence[str],
    rng: np.random.Generator,
    folds: int = 5,
    image_counts: Mapping[str, str] = MappingProxyType({}),
) -> Evaluation | None:
    """Return the evaluation on the labelled images, if there is no test split; None if there are too few images.

    Only images that are unseen by the `context` are predicted, because the embedding knows the other labels. No fold
    divides one of its `groups`, and a group is either all seen or all unseen. A class with a single label is always
    wrong, and counts. A class with several labels in one group is not measured, because no head of the folds would have
    learned it. The labelled images were chosen because they are hard or unusual, and come from places that the head
    knows. So this is not an estimate for other images.
    """
    group_numbers = np.unique(context.groups, return_inverse=True)[1]
    pairs = np.unique(np.stack([y, group_numbers]), axis=1)
    group_counts, label_counts = (np.bincount(numbers, minlength=len(classes)) for numbers in (pairs[0], y))
    is_in_one_group = (group_counts == 1) & (label_counts > 1)
    rows = np.flatnonzero(context.is_unseen_by_backbone & ~is_in_one_group[y])
    commonest = np.sort(np.bincount(y[rows], minlength=2))[::-1]
    folds = min(folds, int(commonest[0]), len(np.unique(group_numbers[rows])))
    if folds < 2 or len(rows) < MIN_LABELS or commonest[1] < 2:
        return None
    seed = int(rng.integers(2**31))
    tests = [rows[test] for test in stratified_group_folds(y[rows], group_numbers[rows], folds, seed)]
    splits = [(np.setdiff1d(np.arange(len(y)), test), test) for test in tests]
    probs = predict_folds(make_head, x, y, context, len(classes), splits, rng)
    basis = CROSS_VALIDATION_BASIS if context.is_unseen_by_backbone.all() else UNSEEN_BASIS
    truth = [classes[number] for number in y[rows].tolist()]
    return evaluate_probs(probs[rows], classes, truth, basis, image_counts)


def predict_folds(
    make_head: Callable[[], Head],
    x: Floats,
    y: Ints,
    context: FitContext,
    classes: int,
    splits: Sequence[tuple[Ints, Ints]],
    rng: np.random.Generator,
) -> Floats:
    """Return (m, classes) the predictions of the test rows of the `splits` (train, test); zeros for other rows.

    A test row is not among the unlabelled images of a head, because it stands for an image that is new to the head.
    """
    probs = np.zeros((len(y), classes), np.float32)
    for train, test in splits:
        head = make_head()
        fit_head(head, x[train], y[train], classes, rng, context.take(train))
        probs[test] = head.probs(x[test])
    return probs


def predict_by_groups(
    make_head: Callable[[], Head],
    x: Floats,
    y: Ints,
    context: FitContext,
    classes: int,
    rng: np.random.Generator,
    folds: int = 5,
) -> Floats:
    """Return (m, classes) predictions of all labelled images by heads that have not seen labels of their groups.

    If a fold leaves only one class for training, its rows are zeros.
    """
    fold_of_group = rng.permutation(int(context.groups.max()) + 1) % folds
    rows = fold_of_group[context.groups]
    splits = []
    for fold in range(folds):
        train, test = np.flatnonzero(rows != fold), np.flatnonzero(rows == fold)
        if len(test) and len(np.unique(y[train])) > 1:
            splits.append((train, test))
    return predict_folds(make_head, x, y, context, classes, splits, rng)


def count_confusion(actual: Ints, predicted: Ints, classes: int) -> Ints:
    """Return (classes, classes) the number of images of each true class (rows) by predicted class (columns)."""
    return np.bincount(actual * classes + predicted, minlength=classes**2).reshape(classes, classes)


def precision_recall_f1(
    actual: Ints, predicted: Ints, classes: int, weights: Floats64
) -> tuple[Floats64, Floats64, Floats64]:
    """Return the precision, the recall and the F1 (classes,) of each class; 0 if the divisor is 0.

    Each image (n,) has its weight (n,).
    """
    is_right = actual == predicted
    right = np.bincount(actual[is_right], weights[is_right], classes)
    are, said = np.bincount(actual, weights, classes), np.bincount(predicted, weights, classes)
    return _divide(right, said), _divide(right, are), _divide(2 * right, are + said)


def log_loss(probs: Floats, actual: Ints, weights: Floats64) -> float:
    """Return the mean of -log of the probability of the `actual` class (n,) in `probs` (n, C), by `weights` (n,)."""
    smallest = np.float32(SMALLEST_PROBABILITY)
    of_actual = np.clip(probs[np.arange(len(actual)), actual], smallest, 1 - smallest)
    return float(np.average(-np.log(of_actual), weights=weights))


def _divide(parts: Floats64 | Ints, wholes: Floats64 | Ints) -> Floats64:
    return np.divide(parts, wholes, out=np.zeros(parts.shape), where=wholes != 0)
