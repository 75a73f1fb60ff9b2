"""Measure a head on images it never saw."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from alframe.contracts import Head
from alframe.types import Evaluation, Floats, Ints

CONFIDENCE = 0.95
HELD_OUT = "held-out images"
CROSS_VALIDATED = "labelled images, by cross-validation"


def evaluate(probs: Floats, classes: Sequence[str], truth: Sequence[str], basis: str) -> Evaluation:
    """Compare `probs` (n, C) over `classes` with the true class names; a class the head does not know is an error."""
    from scipy.stats import binomtest
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    names = tuple(sorted({*classes, *truth}))
    place = {name: at for at, name in enumerate(names)}
    predicted = np.array([place[name] for name in classes])[probs.argmax(axis=1)]
    actual = np.array([place[name] for name in truth])
    matrix = confusion_matrix(actual, predicted, labels=np.arange(len(names)))
    precision, recall, f1, support = precision_recall_fscore_support(
        actual, predicted, labels=np.arange(len(names)), zero_division=0
    )
    seen = support > 0
    hits = int((predicted == actual).sum())
    interval = binomtest(hits, len(actual)).proportion_ci(CONFIDENCE, method="wilson")
    # Averages are over the classes that the test images have, as in scikit-learn's balanced accuracy.
    return Evaluation(
        basis=basis,
        n=len(actual),
        accuracy=hits / len(actual),
        low=float(interval.low),
        high=float(interval.high),
        balanced_accuracy=float(recall[seen].mean()),
        macro_precision=float(precision[seen].mean()),
        macro_recall=float(recall[seen].mean()),
        macro_f1=float(f1[seen].mean()),
        classes=names,
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        per_class=tuple(
            {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for p, r, f, s in zip(precision, recall, f1, support, strict=True)
        ),
    )


def cross_validate(
    make_head: Callable[[], Head],
    x: Floats,
    y: Ints,
    classes: Sequence[str],
    groups: Sequence[str],
    rng: np.random.Generator,
    folds: int = 5,
) -> Evaluation | None:
    """An estimate from the labelled images alone, for a project without a test split; None if there are too few.

    Images of one of the `groups` (m,) stay on one side. A class with a single label is always missed, and counts. The
    labelled images were chosen for being hard or unusual and come from places the head has seen, so this is no estimate
    for other images.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    members = np.unique(np.asarray(groups), return_inverse=True)[1]
    commonest = np.sort(np.bincount(y))[::-1]
    folds = min(folds, int(commonest[0]), int(members.max()) + 1)
    if folds < 2 or len(y) < 10 or len(commonest) < 2 or commonest[1] < 2:
        return None
    probs = np.zeros((len(y), len(classes)), np.float32)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes that cannot be in every fold, which is to be expected
        parts = list(splitter.split(x, y, members))
    for train, test in parts:
        head = make_head()
        head.fit(x[train], y[train], len(classes), rng)
        probs[test] = head.probs(x[test])
    return evaluate(probs, classes, [classes[at] for at in y], CROSS_VALIDATED)
