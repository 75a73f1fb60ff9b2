"""The samplers MaxHerding and UHerding: images that are similar to as many images without a label as possible."""

from __future__ import annotations

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import pairwise_squared_distances, sample_rows, unit_vectors
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.progress import track
from alframe.kit.scoring import require_finite, require_measurable
from alframe.samplers.objectives import objective_weights, require_known_objective
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.types import Floats, Floats64, Ints, Need, PoolView, Selection

TABLE_BYTES = 32 << 20  # of a table of kernel values at a time
CACHE_BYTES = 128 << 20  # of kernel values that are kept: all, or those of candidates that were promising before
BLOCK_ROWS = 256  # of the kernel at a time, which stay in the processor's cache
RECHECKED_AT_A_TIME = 64  # candidates whose gain is computed anew at a time, the most promising first
SMALLEST_SIGMA = 1e-2  # labelled copies of one image say nothing about how far a label reaches
GAIN_DIGITS = 6  # the last digits of a gain depend on the number of threads


class MaxHerding:
    """Select the image that most increases the coverage of the pool, and repeat.

    The coverage of an image is its similarity to the most similar labelled or selected image. The coverage of the pool
    is the mean over its images. The similarity is exp(-distance² / `sigma`²) on embeddings of length 1. The score of an
    image is the coverage that it adds. Bae, Noh and Sutherland 2024, "Generalized coverage for more robust low-budget
    active learning" (arXiv 2407.12212).
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, sigma: float = 1.0, rows: int = 10_000) -> None:
        require_parameter("sampler 'maxherding'", 0 < sigma < np.inf, "above 0", sigma=sigma)
        require_at_least("sampler 'maxherding'", 1, rows=rows)
        self.sigma, self.rows = sigma, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows = sample_rows(len(view), self.rows, k, rng)
        return _cover_greedily(view, rows, np.ones(len(rows), np.float32), k, self.sigma)


class UHerding:
    """Select as `maxherding` does, but with the uncertainty of the head as the weight of each image.

    The uncertainty is 1 - margin, times the weight of the image for the `objective`. By default, `sigma` is the
    smallest distance between two labelled images, and 1 with fewer than two labels. With few labels, `sigma` is large,
    and the sampler covers the pool. With more labels, `sigma` falls, and the sampler becomes margin sampling. Bae,
    Sutherland and Oliveira 2025, "Uncertainty herding: one active learning method for all label budgets" (arXiv
    2412.20644).
    """

    name = "uherding"
    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES, Need.PROBS})

    def __init__(
        self, sigma: float | None = None, temperature: float = 1.0, rows: int = 5_000, objective: str = "accuracy"
    ) -> None:
        sampler = f"sampler '{self.name}'"
        require_parameter(sampler, sigma is None or 0 < sigma < np.inf, "above 0, or null", sigma=sigma)
        require_parameter(sampler, 0 < temperature < np.inf, "above 0", temperature=temperature)
        require_at_least(sampler, 1, rows=rows)
        require_known_objective(sampler, objective)
        self.sigma, self.temperature, self.rows, self.objective = sigma, temperature, rows, objective

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows = sample_rows(len(view), self.rows, k, rng)
        probs = soften(view.lazy_probs[rows], self.temperature)
        doubt = margin_uncertainty(probs) * objective_weights(self.objective, probs)
        require_finite(doubt, "uncertainties")
        sigma = self._find_sigma(view) if self.sigma is None else self.sigma
        return _cover_greedily(view, rows, doubt, k, sigma)

    def _find_sigma(self, view: PoolView) -> float:
        return smallest_distance(view.labelled_features)


class UHerdingBursts(UHerding):
    """Select as `uherding` does, but take `sigma` only from images of different sequences (bursts).

    Images of one burst are much more similar than images of different bursts. If a burst has two labels, `uherding`
    uses the distance between these two images as `sigma`, and is nearly margin sampling. Here, `sigma` is the smallest
    distance between two labelled images of different sequences, and 1 if there are no such images. In a pool without
    sequences, both samplers choose the same images.
    """

    name = "uherding_bursts"
    needs = UHerding.needs | {Need.SEQUENCES, Need.LABELLED_SEQUENCES}

    def _find_sigma(self, view: PoolView) -> float:
        return smallest_distance(view.labelled_features, view.labelled_sequences)


def soften(probs: Floats, temperature: float) -> Floats:
    """Return the probabilities (n, C) with their logits divided by `temperature`."""
    if temperature == 1:
        return probs
    powers = probs ** np.float32(1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def smallest_distance(labelled: Floats, sequences: Ints | None = None) -> float:
    """Return the smallest distance between two of `labelled` (m, D), scaled to length 1; 1 for fewer than two rows.

    With `sequences` (m,), which are -1 for images without a sequence, only pairs of different sequences count. Copies
    of one image do not count. If all pairs are (nearly) copies, the result is 0.01.
    """
    require_measurable(labelled, "embeddings", "labelled images")
    x = unit_vectors(labelled)
    groups = np.arange(len(x))
    if sequences is not None:
        groups = np.where(sequences < 0, sequences.max(initial=0) + 1 + groups, sequences)
    smallest = np.inf
    for rows in row_slices(len(x), bytes_per_row=4 * len(x), limit=TABLE_BYTES):
        table = pairwise_squared_distances(x[rows], x)
        counts = (table > SMALLEST_SIGMA**2) & (groups[rows, None] != groups)
        smallest = min(smallest, table[counts].min(initial=np.inf))
    if np.isinf(smallest):
        return SMALLEST_SIGMA if (groups[1:] != groups[:-1]).any() else 1.0
    return float(np.sqrt(smallest))


def _cover_greedily(view: PoolView, rows: Ints, weights: Floats, k: int, sigma: float) -> Selection:
    """Select k of the pool's `rows` (r,); `weights` (r,) are the weights of the rows in the coverage.

    A gain never grows when other images are chosen, so an earlier gain is an upper bound. Only the candidates with the
    highest bounds are computed again, as in Minoux 1978, "Accelerated greedy algorithms".
    """
    x, labelled = view.lazy_features[rows], view.labelled_features
    require_measurable(x, "embeddings", "images looked at")
    require_measurable(labelled, "embeddings", "labelled images")
    x, labelled = unit_vectors(x), unit_vectors(labelled)
    similarity = np.zeros(len(x), np.float32)  # to the nearest labelled or chosen image
    for part in row_slices(len(labelled), bytes_per_row=4 * len(x), limit=TABLE_BYTES):
        np.maximum(similarity, _kernel(labelled[part], x, sigma).max(axis=0), out=similarity)
    kernel_rows, bounds = _KernelRows(x, sigma), np.empty(len(x))
    for part in track(row_slices(len(x), BLOCK_ROWS), "Coverage", unit="chunk"):
        bounds[part] = _gains(kernel_rows.block(part), similarity, weights)
    chosen: list[int] = []
    gains: list[float] = []
    for _ in track(range(min(k, len(x))), "Choosing", unit="img"):
        best = _find_best(bounds, kernel_rows, similarity, weights)
        chosen.append(best)
        gains.append(max(bounds[best], 0))
        np.maximum(similarity, kernel_rows[np.array([best])][0], out=similarity)
        bounds[best] = -np.inf
    return Selection(view.keys[rows[chosen]], np.array(gains, np.float32))


class _KernelRows:
    """The similarities of rows of `x` (r, D) to all rows of `x`.

    All are kept. If they need more than CACHE_BYTES, only the similarities of rows that were read before are kept.
    """

    def __init__(self, x: Floats, sigma: float) -> None:
        self._x, self._sigma = x, sigma
        count = min(len(x), max(CACHE_BYTES // (4 * max(len(x), 1)), RECHECKED_AT_A_TIME))
        self._table = np.empty((count, len(x)), np.float32)
        self._count = 0
        self._cache_positions = np.full(len(x), -1)  # in the table
        if len(self._table) == len(x):
            self._fill_table()

    def _fill_table(self) -> None:
        """Compute all similarities. The table is symmetric, so half of the products are enough."""
        for part in row_slices(len(self._x), BLOCK_ROWS):
            block = _kernel(self._x[part], self._x[part.start :], self._sigma)
            self._table[part, part.start :] = block
            self._table[part.stop :, part] = block[:, part.stop - part.start :].T
        self._cache_positions, self._count = np.arange(len(self._x)), len(self._x)

    def block(self, part: slice) -> Floats:
        """Return the similarities (p, r) of many rows together. They are kept only if all similarities are kept."""
        return self._table[part] if len(self._table) == len(self._x) else _kernel(self._x[part], self._x, self._sigma)

    def __getitem__(self, rows: Ints) -> Floats:
        """Return the similarities (p, r) of at most RECHECKED_AT_A_TIME `rows` (p,)."""
        missing = rows[self._cache_positions[rows] < 0]
        if self._count + len(missing) > len(self._table):  # full: begin again
            self._cache_positions[:], self._count, missing = -1, 0, rows
        positions = np.arange(self._count, self._count + len(missing))
        self._table[positions] = _kernel(self._x[missing], self._x, self._sigma)
        self._cache_positions[missing] = positions
        self._count += len(missing)
        return np.asarray(self._table[self._cache_positions[rows]])


def _find_best(bounds: Floats64, kernel_rows: _KernelRows, similarity: Floats, weights: Floats) -> int:
    """Return the row with the highest gain now, and lower the `bounds` (r,) of the computed rows.

    Rows are in random order, so the first of several equal rows is a random one.
    """
    count = min(RECHECKED_AT_A_TIME, len(bounds))
    fresh = np.zeros(len(bounds), bool)
    while True:
        ahead = np.where(fresh, -np.inf, bounds)
        promising = np.argpartition(-ahead, count - 1)[:count]
        promising = np.sort(promising[ahead[promising] > -np.inf])
        best_fresh = bounds[fresh].max(initial=-np.inf)
        if not len(promising) or best_fresh > ahead[promising].max():
            return int(np.flatnonzero(fresh & (bounds == best_fresh))[0])
        bounds[promising] = _gains(kernel_rows[promising], similarity, weights)
        fresh[promising] = True


def _gains(kernel: Floats, similarity: Floats, weights: Floats) -> Floats64:
    """Return the increase of the weighted mean of `similarity` (r,) by each candidate, from its `kernel` (c, r)."""
    count = len(similarity)
    raised = np.maximum(kernel - similarity, 0) @ (weights.astype(np.float64) / count)
    return np.asarray(np.round(raised, GAIN_DIGITS + int(np.ceil(np.log10(count)))))


def _kernel(points: Floats, x: Floats, sigma: float) -> Floats:
    """Return the similarities (p, r) of `points` (p, D) and the rows of `x` (r, D), both of length 1."""
    table = points @ x.T
    table -= 1
    table *= np.float32(2 / sigma**2)
    return np.asarray(np.exp(np.minimum(table, 0, out=table), out=table))
