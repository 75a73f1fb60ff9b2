"""Images like those on which the model errs."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from alframe.chunks import chunks
from alframe.errors import BadParams
from alframe.kit.scoring import require_finite, select_top_k
from alframe.samplers.distance_bounds import row_sums
from alframe.types import Floats, Ints, Need, PoolView, Selection

log = logging.getLogger(__name__)


class ActiveTransfer:
    """The most likely errors, as learned from those that a model makes on labelled images it has not seen.

    Munro 2021, "Human-in-the-loop machine learning", chapter 5 (active transfer learning, and ATLAS): which labelled
    images a logistic regression on the embeddings gets wrong is found by cross-validation in `folds` parts; a second
    one learns to tell these from the others. The batch is chosen in `batches` parts, each of which counts as known
    for the next: otherwise it would be one kind of error. With no errors, or nothing else, there is nothing to learn:
    then images are drawn at random, which is logged. `c` is the inverse strength of the penalty of both. Raises
    BadParams for parameters out of range.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.LABELS})

    def __init__(self, batches: int = 10, folds: int = 5, c: float = 0.1) -> None:
        if batches < 1 or folds < 2 or c <= 0:
            raise BadParams(
                "sampler 'active_transfer' needs batches of 1 or more, 2 folds or more, and c > 0; it was given "
                f"batches={batches}, folds={folds}, c={c}."
            )
        self.batches = batches
        self.folds = folds
        self.c = c

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        x, labelled, y = view.lazy_features, view.labelled_features, view.labels
        require_finite(row_sums(x), "active_transfer", "embeddings")
        require_finite(labelled.sum(axis=1), "active_transfer", "embeddings", "labelled images")
        k = max(0, min(k, len(x)))
        centre, scale = (labelled.mean(axis=0), labelled.std() or np.float32(1)) if len(labelled) else (0, 1)
        # One scale for all: a feature may vary in the pool only.
        known: Floats = np.asarray((labelled - centre) / scale, np.float32)
        wrong = errors(known, y, self.folds, self.c, rng)
        if wrong.all() or not wrong.any():
            log.warning(
                "active_transfer: of %d labelled images the model gets %d wrong, which teaches nothing about errors; "
                "this batch is drawn at random.",
                len(wrong),
                wrong.sum(),
            )
            return Selection(view.keys[rng.permutation(len(x))[:k]])
        model = LogisticRegression(C=self.c, class_weight="balanced", max_iter=1000, warm_start=True)
        chosen = np.empty(0, np.int64)
        for size in [len(part) for part in np.array_split(np.arange(k), max(1, min(self.batches, k)))]:
            examples = np.concatenate([known, (x[chosen] - centre) / scale])
            with threadpool_limits(1):  # thousands of small steps: threads would only wait for each other
                model.fit(examples, np.concatenate([wrong, np.zeros(len(chosen), bool)]))
            scores = np.empty(len(x), np.float32)
            for rows in chunks(len(x)):
                scores[rows] = model.decision_function((x[rows] - centre) / scale)
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            chosen = np.concatenate([chosen, select_top_k(rest, scores[rest], size, rng).keys])
        return Selection(view.keys[chosen])


def errors(x: Floats, y: Ints, folds: int, c: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(m,) whether a logistic regression that has not seen an image gets it wrong; (m, D) and (m,) are what there is.

    An only image of its class is wrong by nature: who has not seen it cannot know.
    """
    wrong = np.zeros(len(x), bool)
    if len(x) < 2:
        return wrong
    parts = KFold(min(folds, len(x)), shuffle=True, random_state=int(rng.integers(2**31)))
    for seen, unseen in parts.split(x):
        if (y[seen] == y[seen[0]]).all():
            wrong[unseen] = y[unseen] != y[seen[0]]
            continue
        model = LogisticRegression(C=c, max_iter=1000)
        with threadpool_limits(1):
            wrong[unseen] = model.fit(x[seen], y[seen]).predict(x[unseen]) != y[unseen]
    return wrong
