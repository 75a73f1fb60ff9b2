"""Images that can be told from the labelled ones."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from alframe.errors import BadParams
from alframe.kit.clustering import sample_rows
from alframe.kit.scoring import require_finite, select_top_k
from alframe.progress import track
from alframe.types import Floats, Ints, Need, PoolView, Selection

TIMES = (
    10  # as many unlabelled images as labelled ones, but at least AT_LEAST, are learned from: as in the authors' code
)
AT_LEAST = 1000


class Discriminative:
    """The images that a classifier holds most surely for unlabelled, in sub-batches that count as labelled at once.

    Gissin and Shalev-Shwartz 2019, "Discriminative active learning": what cannot be told from the labelled set is
    represented by it. The classifier is a logistic regression on the embeddings, both sides weighing the same, with the
    inverse penalty `c`, fitted again for each of `batches` parts of the batch; without them one place could fill it. Of
    a pool of more than `rows` images, so many at random are looked at. With nothing labelled, the first part is random.
    Raises BadParams for parameters out of range.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, batches: int = 10, c: float = 0.1, rows: int = 100_000) -> None:
        if min(batches, rows) < 1 or c <= 0:
            raise BadParams(
                "sampler 'discriminative' needs batches and rows of 1 or more, and c > 0; it was given "
                f"batches={batches}, c={c}, rows={rows}."
            )
        self.batches = batches
        self.c = c
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = max(0, min(k, len(view)))
        rows = sample_rows(len(view), self.rows, k, rng)
        x, labelled = view.lazy_features[rows], view.labelled_features
        require_finite(x.sum(axis=1), "discriminative", "embeddings", "images looked at")
        require_finite(labelled.sum(axis=1), "discriminative", "embeddings", "labelled images")
        if not k:
            return Selection(view.keys[:0])
        centre, scale = x.mean(axis=0, dtype=np.float64).astype(np.float32), np.float32(x.std()) or np.float32(1)
        x = (x - centre) / scale
        known = (labelled[sample_rows(len(labelled), self.rows, 0, rng)] - centre) / scale
        chosen: Ints = np.empty(0, np.int64)
        for size in track([len(part) for part in np.array_split(np.arange(k), min(self.batches, k))], "Telling apart"):
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            scores = unlikeness(np.concatenate([known, x[chosen]]), x[rest], self.c, rng)
            chosen = np.concatenate([chosen, select_top_k(rest, scores, size, rng).keys])
        return Selection(view.keys[rows[chosen]])


def unlikeness(known: Floats, others: Floats, c: float, rng: np.random.Generator) -> Floats:
    """(n,) how surely each of `others` (n, D) is told from `known` (m, D), as a logit; all alike when m or n is 0."""
    if not len(known) or not len(others):
        return np.zeros(len(others), np.float32)
    some = others[rng.permutation(len(others))[: max(TIMES * len(known), AT_LEAST)]]
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=1000)
    with threadpool_limits(1):  # thousands of small steps: threads would only wait for each other
        model.fit(np.concatenate([known, some]), np.repeat([0, 1], [len(known), len(some)]))
    return np.asarray(model.decision_function(others), np.float32)
