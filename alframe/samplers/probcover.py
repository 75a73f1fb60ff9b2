"""The sampler `probcover`: images with as many other images near them as possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import (
    kmeans_centres,
    nearest_neighbours,
    pairwise_squared_distances,
    sample_rows,
    unit_vectors,
)
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.progress import track
from alframe.kit.scoring import require_measurable
from alframe.types import Bools, Floats, Floats64, Ints, Need, PoolView, Selection

PROBE_ROWS = 2000  # images whose surroundings decide on the radius
TABLE_BYTES = 32 << 20  # of a table of distances at a time
COPY_DISTANCE = 1e-6  # squared distance of equal embeddings, as far as rounding goes
ROUNDING = 2.0**-20  # of a squared distance of vectors of length 1 in float32, for each square root of a dimension

Bits = npt.NDArray[np.uint8]


class ProbCover:
    """Select the image that covers the most images that are not covered yet, and repeat.

    A labelled or selected image covers all images within `radius`, on embeddings of length 1. If all images are
    covered, the choice is random. The score is the number of newly covered images. `details` of the selection contains
    the radius. Yehuda, Dekel, Hacohen and Weinshall 2022, "Active learning through a covering lens".
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(
        self, radius: float | None = None, clusters: int = 20, purity: float = 0.95, rows: int = 10_000
    ) -> None:
        require_parameter("sampler 'probcover'", radius is None or radius > 0, "above 0, or null", radius=radius)
        require_at_least("sampler 'probcover'", 1, clusters=clusters, rows=rows)
        require_parameter("sampler 'probcover'", 0 < purity < 1, "between 0 and 1", purity=purity)
        self.radius, self.clusters, self.purity, self.rows = radius, clusters, purity, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows = sample_rows(len(view), self.rows, k, rng)
        x, labelled = view.lazy_features[rows], view.labelled_features
        require_measurable(x, "embeddings", "images looked at")
        require_measurable(labelled, "embeddings", "labelled images")
        x, labelled = unit_vectors(x), unit_vectors(labelled)
        radius = self.radius
        if radius is None:
            cluster = nearest_neighbours(x, kmeans_centres(x, self.clusters, rng))[1][:, 0]
            radius = find_pure_radius(x, cluster, self.purity)
        uncovered = np.ones(len(x), bool)
        if len(labelled):
            for chunk in row_slices(len(x), bytes_per_row=4 * len(labelled), limit=TABLE_BYTES):
                uncovered[chunk] = ~_is_within(x[chunk], labelled, radius).any(axis=1)
        covered_by = _find_within_radius(x, radius)
        gains = np.array([np.count_nonzero(_unpack_bits(bits, len(x)) & uncovered) for bits in covered_by], np.float32)
        chosen, scores = [], []
        for _ in range(k):
            best = int(gains.argmax())  # rows are in random order, so are ties
            chosen.append(best)
            scores.append(gains[best])
            newly_covered = np.flatnonzero(_unpack_bits(covered_by[best], len(x)) & uncovered)
            uncovered[newly_covered] = False
            for row in newly_covered:  # each image is covered once: n rows at most over the whole batch
                gains -= _unpack_bits(covered_by[row], len(x))
            gains[best] = -1
        all_scores = np.maximum(scores, 0, dtype=np.float32)
        return Selection(view.keys[rows[chosen]], all_scores, details={"radius": radius})


def find_pure_radius(x: Floats, cluster: Ints, purity: float) -> float:
    """Return the largest radius within which a fraction `purity` of the rows have rows of their own cluster only.

    `x` is (n, D), and `cluster` (n,) the clusters of the rows. A ball around a row is pure up to the nearest row of
    another cluster, so the radius is a quantile of the distances to these rows.
    """
    count = min(len(x), PROBE_ROWS)  # the first: rows are in random order
    distances = np.empty(count)  # to the nearest row of another cluster
    for rows in track(row_slices(count, bytes_per_row=4 * len(x), limit=TABLE_BYTES), "Radius", unit="chunk"):
        table = pairwise_squared_distances(x[rows], x)
        table[cluster[rows, None] == cluster] = np.inf
        nearest = table.min(axis=1, keepdims=True)
        row, other = np.nonzero((table <= nearest + _rounding_error(x)) & np.isfinite(nearest))
        distances[rows] = np.inf
        np.minimum.at(distances, rows.start + row, np.sqrt(_exact_squared_distances(x[rows], row, x, other)))
    return float(np.quantile(distances, 1 - purity, method="lower"))


def _find_within_radius(x: Floats, radius: float) -> Bits:
    """Return packed bits (n, n / 8) that mark the rows within the radius of each row of `x`: 12 MB for n = 10,000."""
    out = np.empty((len(x), -(-len(x) // 8)), np.uint8)
    for rows in track(row_slices(len(x), bytes_per_row=4 * len(x), limit=TABLE_BYTES), "Neighbourhoods", unit="chunk"):
        out[rows] = np.packbits(_is_within(x[rows], x, radius), axis=1)
    return out


def _is_within(x: Floats, points: Floats, radius: float) -> Bools:
    """Return whether each row of `x` (n, D) is within the radius of each of `points` (m, D): (n, m).

    The last bits of a matrix product depend on the number of threads, so close cases are settled in float64.
    """
    # Nearer than the radius, at which an image of another cluster lies; a copy always is.
    limit = max(radius**2 - COPY_DISTANCE, COPY_DISTANCE)
    table = pairwise_squared_distances(x, points)
    within: Bools = table < limit
    row, point = np.nonzero(np.abs(table - limit) <= _rounding_error(x))
    within[row, point] = _exact_squared_distances(x, row, points, point) < limit
    return within


def _rounding_error(x: Floats) -> float:
    """Return the largest rounding error of a squared distance between rows of length 1 (n, D) in float32."""
    return float(ROUNDING * np.sqrt(x.shape[1]))


def _exact_squared_distances(x: Floats, rows: Ints, points: Floats, others: Ints) -> Floats64:
    """Return the squared distances (p,) of `rows` (p,) of `x` to `others` (p,) of `points`, in float64."""
    out = np.empty(len(rows))
    for pairs in row_slices(len(rows), bytes_per_row=8 * x.shape[1], limit=TABLE_BYTES):
        differences = x[rows[pairs]].astype(np.float64) - points[others[pairs]]
        out[pairs] = np.einsum("ij,ij->i", differences, differences)
    return out


def _unpack_bits(bits: Bits, n: int) -> Bools:
    return np.unpackbits(bits, count=n).view(bool)
