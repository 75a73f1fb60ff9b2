"""The sampler `graph_density`: images in the densest parts of the pool. Each one lowers the density around it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import nearest_neighbours, sample_rows
from alframe.kit.parameters import require_at_least
from alframe.types import Floats, Ints, Need, PoolView, Selection

# Neighbours by Manhattan distance are looked for among the nearest by Euclidean distance, which FAISS finds fast. Very
# few are missed.
CANDIDATES_PER_NEIGHBOUR = 5
MIN_CANDIDATES = 100
DIFFERENCES_BYTES = 16 << 20  # of differences at a time


class GraphDensity:
    """Select the image that is most similar to its neighbours, reduce the value of these neighbours, and repeat.

    Each image is connected to its nearest neighbours by Manhattan distance d. The weight of a connection is exp(-d /
    D), where D is the number of dimensions of the embedding. The density of an image is the mean weight of its
    connections. When an image is selected, its density is subtracted from the density of its neighbours. Labelled
    images count as selected before. The score is the density when the image is selected. Ebert, Fritz and Schiele 2012,
    "RALF: a reinforced active learning formulation for object class recognition".
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, neighbours: int = 10, rows: int = 20_000) -> None:
        require_at_least("sampler 'graph_density'", 1, neighbours=neighbours, rows=rows)
        self.neighbours, self.rows = neighbours, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        rows = sample_rows(len(view), self.rows, k, rng)
        labelled = view.labelled_features[sample_rows(len(view.labelled_features), self.rows, 0, rng)]
        x = np.concatenate([view.lazy_features[rows], labelled])
        graph = neighbour_graph(x, self.neighbours)
        edges = np.diff(graph.indptr)
        density = np.asarray(graph.sum(axis=1)).ravel() / np.maximum(edges, 1)
        # Labelled images in the order in which they would have been chosen.
        for row in len(rows) + np.argsort(-density[len(rows) :], kind="stable"):
            _subtract_from_neighbours(density, graph, row)
        density[len(rows) :] = -np.inf
        chosen, scores = [], []
        for _ in range(k):
            row = int(density.argmax())
            chosen.append(row)
            scores.append(density[row])
            _subtract_from_neighbours(density, graph, row)
            density[row] = -np.inf
        return Selection(view.keys[rows[np.array(chosen, np.int64)]], np.array(scores, np.float32))


def neighbour_graph(x: Floats, neighbours: int) -> csr_array:
    """Return symmetric weights exp(-d / D) (n, n) of each row of `x` (n, D) and its nearest by Manhattan distance d."""
    n, dim = x.shape
    count = min(neighbours, n - 1)
    if count < 1:
        return csr_array((n, n), dtype=np.float64)
    candidates = nearest_neighbours(x, x, max(CANDIDATES_PER_NEIGHBOUR * count, MIN_CANDIDATES) + 1)[1]
    weights = np.exp(-_manhattan_to_own_candidates(x, candidates) / dim)
    weights[candidates == np.arange(n)[:, None]] = -1  # the row itself, wherever it stands among its copies
    best = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    target, weight = (np.take_along_axis(array, best, axis=1).ravel() for array in (candidates, weights))
    graph = csr_array((weight, (np.repeat(np.arange(n), count), target)), shape=(n, n))
    return graph.maximum(graph.T).tocsr()


def _manhattan_to_own_candidates(x: Floats, candidates: Ints) -> Floats:
    """Return the Manhattan distances (n, c) of each row of `x` (n, D) to its rows `candidates` (n, c)."""
    out = np.empty(candidates.shape, np.float32)
    for rows in row_slices(len(x), bytes_per_row=4 * candidates.shape[1] * x.shape[1], limit=DIFFERENCES_BYTES):
        out[rows] = np.abs(x[candidates[rows]] - x[rows, None]).sum(axis=2)
    return out


def _subtract_from_neighbours(density: Floats, graph: csr_array, row: int) -> None:
    """Subtract the density of `row` from the densities of its neighbours, in place."""
    # A density below zero, of an image whose neighbours are all chosen, must not raise that of others.
    neighbours = graph.indices[graph.indptr[row] : graph.indptr[row + 1]]
    density[neighbours] -= max(density[row], 0.0)
