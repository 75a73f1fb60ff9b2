"""Images in the densest parts of the pool, each lowering the density around it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from alframe.chunks import chunks
from alframe.errors import BadParams
from alframe.kit.clustering import nearest_neighbours, sample_rows
from alframe.kit.scoring import require_finite
from alframe.types import Floats, Ints, Need, PoolView, Selection

CANDIDATES = 5  # times as many neighbours by Euclidean distance (FAISS is fast there), at least FEWEST of them,
FEWEST = 100  # of which the nearest by Manhattan distance are taken: very few are missed
DIFFERENCES_BYTES = 16 << 20  # of differences at a time


class GraphDensity:
    """Again and again the image that is most alike its neighbours, whose neighbours then count for less.

    Ebert, Fritz and Schiele 2012, "RALF: a reinforced active learning formulation for object class recognition": images
    are joined to their `neighbours` nearest, in both directions, with weight exp(-d / D) for the Manhattan distance d;
    the density of an image is the mean weight of its edges, and each choice takes its density from its neighbours.
    Labelled images count as chosen before. Of a pool of more than `rows` images, so many at random are looked at.
    Scores are the densities at the moment of choice. Raises BadParams for parameters below 1.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, neighbours: int = 10, rows: int = 20_000) -> None:
        if min(neighbours, rows) < 1:
            raise BadParams(
                "sampler 'graph_density' needs neighbours and rows of 1 or more, "
                f"and was given neighbours={neighbours}, rows={rows}."
            )
        self.neighbours = neighbours
        self.rows = rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        rows = sample_rows(len(view), self.rows, k, rng)
        labelled = view.labelled_features[sample_rows(len(view.labelled_features), self.rows, 0, rng)]
        x = np.concatenate([view.lazy_features[rows], labelled])
        require_finite(x.sum(axis=1), "graph_density", "embeddings", "images looked at")
        graph = neighbour_graph(x, self.neighbours)
        edges = np.diff(graph.indptr)
        density = np.asarray(graph.sum(axis=1)).ravel() / np.maximum(edges, 1)
        known = len(rows) + np.argsort(-density[len(rows) :], kind="stable")
        for row in known:  # the few that are labelled, in the order in which they would have been chosen
            _lower(density, graph, row)
        density[len(rows) :] = -np.inf
        chosen, scores = [], []
        for _ in range(min(k, len(rows))):
            row = int(density.argmax())
            chosen.append(row)
            scores.append(density[row])
            _lower(density, graph, row)
            density[row] = -np.inf
        return Selection(view.keys[rows[np.array(chosen, np.int64)]], np.array(scores, np.float32))


def neighbour_graph(x: Floats, neighbours: int) -> csr_array:
    """(n, n) symmetric weights exp(-d / D) of each row of `x` (n, D) and its nearest by Manhattan distance d."""
    n, dim = x.shape
    count = min(neighbours, n - 1)
    if count < 1:
        return csr_array((n, n), dtype=np.float64)
    candidates = nearest_neighbours(x, x, max(CANDIDATES * count, FEWEST) + 1)[1]
    weights = np.exp(-_manhattan(x, candidates) / dim)
    weights[candidates == np.arange(n)[:, None]] = -1  # itself, wherever among its equals it is found
    best = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    target, weight = (np.take_along_axis(array, best, axis=1).ravel() for array in (candidates, weights))
    graph = csr_array((weight, (np.repeat(np.arange(n), count), target)), shape=(n, n))
    return graph.maximum(graph.T).tocsr()


def _manhattan(x: Floats, others: Ints) -> Floats:
    """(n, c) Manhattan distances of each row of `x` (n, D) and the rows `others` (n, c) of it."""
    out = np.empty(others.shape, np.float32)
    for part in chunks(len(x), bytes_per_row=4 * others.shape[1] * x.shape[1], limit=DIFFERENCES_BYTES):
        out[part] = np.abs(x[others[part]] - x[part, None]).sum(axis=2)
    return out


def _lower(density: Floats, graph: csr_array, row: int) -> None:
    # A density below zero, of an image whose neighbours are all taken, must not raise that of others.
    around = graph.indices[graph.indptr[row] : graph.indptr[row + 1]]
    density[around] -= max(density[row], 0.0)
