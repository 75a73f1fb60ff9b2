"""The sampler `discriminative`: images that a classifier can distinguish from the labelled images."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from alframe.kit.clustering import sample_rows
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.progress import track
from alframe.kit.scoring import require_measurable, select_top_k
from alframe.types import Floats, Ints, Need, PoolView, Selection

UNLABELLED_RATIO = 10  # unlabelled images for each labelled one, that the classifier learns from,
MIN_UNLABELLED = 1000  # or this number, if that is more: as in the authors' code


class Discriminative:
    """Select the images that a classifier can most clearly distinguish from the labelled images.

    The labelled images already represent all images that look like them, so the others are worth more (Gissin and
    Shalev-Shwartz 2019, "Discriminative active learning"). The classifier is a logistic regression on the embeddings.
    Both of its classes, labelled and unlabelled, have the same weight. The batch is chosen in parts, and each part
    counts as labelled for the next part. Otherwise, similar images could fill the whole batch. If no image is labelled,
    the first part is random.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, batches: int = 10, c: float = 0.1, rows: int = 100_000) -> None:
        require_at_least("sampler 'discriminative'", 1, batches=batches, rows=rows)
        require_parameter("sampler 'discriminative'", c > 0, "above 0", c=c)
        self.batches, self.c, self.rows = batches, c, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows = sample_rows(len(view), self.rows, k, rng)
        x, labelled = view.lazy_features[rows], view.labelled_features
        require_measurable(x, "embeddings", "images looked at")
        require_measurable(labelled, "embeddings", "labelled images")
        mean, scale = x.mean(axis=0, dtype=np.float64).astype(np.float32), np.float32(x.std()) or np.float32(1)
        x = (x - mean) / scale
        labelled = (labelled[sample_rows(len(labelled), self.rows, 0, rng)] - mean) / scale
        chosen: Ints = np.empty(0, np.int64)
        sizes = [len(part) for part in np.array_split(np.arange(k), min(self.batches, k))]
        for size in track(sizes, "Telling apart"):
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            scores = unlabelled_logits(np.concatenate([labelled, x[chosen]]), x[rest], self.c, rng)
            chosen = np.concatenate([chosen, select_top_k(rest, scores, size, rng).keys])
        return Selection(view.keys[rows[chosen]])


def unlabelled_logits(labelled: Floats, unlabelled: Floats, c: float, rng: np.random.Generator) -> Floats:
    """Return the logit (n,) that each of `unlabelled` (n, D) is not one of `labelled` (m, D); 0 if m is 0."""
    if not len(labelled) or not len(unlabelled):
        return np.zeros(len(unlabelled), np.float32)
    count = max(UNLABELLED_RATIO * len(labelled), MIN_UNLABELLED)
    sample = unlabelled[rng.permutation(len(unlabelled))[:count]]
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=1000)
    with threadpool_limits(1):  # thousands of small steps: threads would only wait for each other
        model.fit(np.concatenate([labelled, sample]), np.repeat([0, 1], [len(labelled), len(sample)]))
    return np.asarray(model.decision_function(unlabelled), np.float32)
