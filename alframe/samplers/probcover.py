"""Images whose surroundings cover as many others as possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alframe.chunks import chunks
from alframe.errors import BadParams
from alframe.kit.clustering import kmeans_centres, nearest_neighbours, pairwise_squared_distances, sample_rows
from alframe.kit.scoring import require_finite
from alframe.kit.vectors import unit_vectors
from alframe.progress import track
from alframe.types import Floats, Need, PoolView, Selection

PROBES = 2000  # images whose surroundings decide on the radius
TABLE_BYTES = 32 << 20  # of a table of distances at a time
COPY = 1e-6  # squared distance of equal embeddings, as far as rounding goes


class ProbCover:
    """Again and again the image with the most images around it that no labelled or chosen one is near.

    Yehuda, Dekel, Hacohen and Weinshall 2022, "Active learning through a covering lens". Near means within `radius`, on
    embeddings of length 1. Where it is None it follows their heuristic: the largest with which, around a part `purity`
    of the images, all others are of the same of `clusters` k-means clusters, in place of the classes. Once everything
    is covered it goes on at random. Of a pool of more than `rows` images, so many at random are looked at. Scores are
    the images newly covered. Raises BadParams for parameters out of range.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(
        self, radius: float | None = None, clusters: int = 20, purity: float = 0.95, rows: int = 10_000
    ) -> None:
        if (radius is not None and radius <= 0) or min(clusters, rows) < 1 or not 0 < purity < 1:
            raise BadParams(
                "sampler 'probcover' needs radius > 0 (or null), clusters and rows of 1 or more, 0 < purity < 1; "
                f"it was given radius={radius}, clusters={clusters}, purity={purity}, rows={rows}."
            )
        self.radius = radius
        self.clusters = clusters
        self.purity = purity
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0], np.empty(0, np.float32))
        rows = sample_rows(len(view), self.rows, k, rng)
        x, labelled = view.lazy_features[rows], view.labelled_features
        require_finite(x.sum(axis=1), "probcover", "embeddings", "images looked at")
        require_finite(labelled.sum(axis=1), "probcover", "embeddings", "labelled images")
        x, labelled = unit_vectors(x), unit_vectors(labelled)
        radius = self.radius or pure_radius(
            x, nearest_neighbours(x, kmeans_centres(x, self.clusters, rng))[1][:, 0], self.purity
        )
        free = np.ones(len(x), bool)
        if len(labelled):
            free = ~_within(nearest_neighbours(x, labelled)[0][:, 0], radius)
        near = _near(x, radius)
        gain = np.array([np.count_nonzero(_unpacked(row, len(x)) & free) for row in near], np.float32)
        chosen, scores = [], []
        for _ in range(k):
            best = int(gain.argmax())  # rows are in random order, so are ties
            chosen.append(best)
            scores.append(gain[best])
            new = np.flatnonzero(_unpacked(near[best], len(x)) & free)
            free[new] = False
            for row in new:  # each image is covered once, so that this is n rows at most in all the rounds together
                gain -= _unpacked(near[row], len(x))
            gain[best] = -1
        return Selection(view.keys[rows[chosen]], np.maximum(scores, 0, dtype=np.float32))


def pure_radius(x: Floats, cluster: npt.NDArray[np.int64], purity: float) -> float:
    """The largest radius within which a part `purity` of the rows of `x` (n, D) have rows of their own cluster only.

    A ball is pure up to the nearest row of another cluster, so this is a quantile of those distances.
    """
    probes = min(len(x), PROBES)  # the first: rows are in random order
    strangers = np.empty(probes)
    for part in track(chunks(probes, bytes_per_row=4 * len(x), limit=TABLE_BYTES), "Radius", unit="chunk"):
        table = pairwise_squared_distances(x[part], x)
        table[cluster[part, None] == cluster] = np.inf
        strangers[part] = np.sqrt(table.min(axis=1))
    return float(np.quantile(strangers, 1 - purity, method="lower"))


def _near(x: Floats, radius: float) -> npt.NDArray[np.uint8]:
    """(n, n / 8) bits: which rows of `x` are within the radius of each. 12 MB for 10,000, however many are near."""
    out = np.empty((len(x), -(-len(x) // 8)), np.uint8)
    for part in track(chunks(len(x), bytes_per_row=4 * len(x), limit=TABLE_BYTES), "Neighbourhoods", unit="chunk"):
        out[part] = np.packbits(_within(pairwise_squared_distances(x[part], x), radius), axis=1)
    return out


def _within(squared: Floats, radius: float) -> npt.NDArray[np.bool_]:
    # Nearer than the radius, which is that of a stranger; a copy always is.
    near: npt.NDArray[np.bool_] = squared < max(radius**2 - COPY, COPY)
    return near


def _unpacked(bits: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(bits, count=n).view(bool)
