"""The sampler `active_transfer`: images that resemble those on which a model is wrong."""

from __future__ import annotations

import logging

import numpy as np
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from alframe.kit.chunks import row_slices
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.scoring import require_measurable, select_top_k
from alframe.types import Bools, Floats, Ints, Need, PoolView, Selection

log = logging.getLogger(__name__)


class ActiveTransfer:
    """Select the images that a model most probably gets wrong. It learns this from its errors on labelled images.

    This is active transfer learning and ATLAS (Munro 2021, "Human-in-the-loop machine learning", chapter 5). A logistic
    regression on the embeddings predicts each labelled image in a cross-validation. A second regression learns to
    distinguish its errors from the other images. Labels that were used for fine-tuning are not tested, because the
    embeddings know these labels.

    The batch is chosen in several parts. When a part has been chosen, its images count as predicted correctly for the
    next part. Otherwise, the whole batch could have one kind of error. If there are no errors, or only errors, the
    batch is drawn at random, and a warning says so.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.LABELS, Need.IS_UNSEEN_BY_BACKBONE})

    def __init__(self, batches: int = 10, folds: int = 5, c: float = 0.1) -> None:
        require_at_least("sampler 'active_transfer'", 1, batches=batches)
        require_at_least("sampler 'active_transfer'", 2, folds=folds)
        require_parameter("sampler 'active_transfer'", c > 0, "above 0", c=c)
        self.batches, self.folds, self.c = batches, folds, c

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        x, labelled = view.lazy_features, view.labelled_features
        require_measurable(labelled, "embeddings", "labelled images")
        # One scale for all features: one of them may vary in the pool only.
        mean, scale = (labelled.mean(axis=0), labelled.std() or np.float32(1)) if len(labelled) else (0, 1)
        scaled: Floats = np.asarray((labelled - mean) / scale, np.float32)
        is_unseen = view.is_unseen_by_backbone
        is_error = cross_validated_unseen_errors(scaled, view.labels, is_unseen, self.folds, self.c, rng)[is_unseen]
        if is_error.all() or not is_error.any():
            log.warning(
                "sampler 'active_transfer' draws this batch at random: the model gets %d of %d labelled images wrong "
                "(of those that fine-tuning did not use), which teaches nothing about errors.",
                *(is_error.sum(), len(is_error)),
            )
            return Selection(view.keys[rng.permutation(len(x))[:k]])
        model = LogisticRegression(C=self.c, class_weight="balanced", max_iter=1000, warm_start=True)
        chosen = np.empty(0, np.int64)
        for size in [len(rows) for rows in np.array_split(np.arange(k), min(self.batches, k))]:
            examples = np.concatenate([scaled[is_unseen], (x[chosen] - mean) / scale])
            with threadpool_limits(1):  # thousands of small steps: threads would only wait for each other
                model.fit(examples, np.concatenate([is_error, np.zeros(len(chosen), bool)]))
            scores = np.empty(len(x), np.float32)
            with config_context(assume_finite=True):  # the scores are checked instead
                for rows in row_slices(len(x)):
                    scores[rows] = model.decision_function((x[rows] - mean) / scale)
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            chosen = np.concatenate([chosen, select_top_k(rest, scores[rest], size, rng).keys])
        return Selection(view.keys[chosen])


def cross_validated_unseen_errors(
    x: Floats, y: Ints, is_unseen: Bools, folds: int, c: float, rng: np.random.Generator
) -> Bools:
    """Return (m,) whether a logistic regression fitted without it gets an `is_unseen` (m,) row of `x` (m, D) wrong."""
    is_error, rows = np.zeros(len(x), bool), np.flatnonzero(is_unseen)
    if len(rows) < 2:
        return is_error
    splitter = KFold(min(folds, len(rows)), shuffle=True, random_state=int(rng.integers(2**31)))
    for _, number in splitter.split(rows):
        test = rows[number]
        train = np.setdiff1d(np.arange(len(x)), test)
        if (y[train] == y[train[0]]).all():
            is_error[test] = y[test] != y[train[0]]
            continue
        model = LogisticRegression(C=c, max_iter=1000)
        with threadpool_limits(1):
            is_error[test] = model.fit(x[train], y[train]).predict(x[test]) != y[test]
    return is_error
