"""Graph density against the predecessor's loop over edges."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.graph_density import GraphDensity, neighbour_graph
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


class TestGraphDensity(SamplerSuite):
    make = GraphDensity

    def obvious_choice(self):
        x = np.insert(np.concatenate([np.eye(6), -np.eye(6)]), 7, 0, axis=0)  # row 7 is in the middle
        return view_of(x, x[:0], tiny_keys(13)), int(tiny_keys(13)[7])


def view_of(x, labelled, keys=None):
    keys = np.arange(len(x)) if keys is None else keys
    fields = {Need.FEATURES: x.astype(np.float32), Need.LABELLED_FEATURES: labelled.astype(np.float32)}
    return PoolView(keys, fields)


def by_hand(x, k, neighbours):
    """Ebert's rule with a loop over every edge, nothing labelled."""
    n, dim = x.shape
    distances = np.abs(x[:, None] - x).sum(axis=2)
    weights = np.zeros((n, n))
    for i in range(n):
        for j in [j for j in np.argsort(distances[i], kind="stable") if j != i][:neighbours]:
            weights[i, j] = weights[j, i] = np.exp(-distances[i, j] / dim)
    density = weights.sum(axis=1) / (weights > 0).sum(axis=1)
    chosen, scores = [], []
    for _ in range(k):
        best = density.argmax()
        chosen.append(best)
        scores.append(density[best])
        density[weights[best] > 0] -= max(density[best], 0)
        density[chosen] = -np.inf
    return chosen, scores


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_rule_by_hand(seed):
    x = np.random.default_rng(seed).normal(size=(60, 5)).astype(np.float32)
    chosen = GraphDensity(neighbours=12).select(view_of(x, x[:0]), 15, np.random.default_rng(0))
    expected, scores = by_hand(x.astype(np.float64), 15, 12)
    assert chosen.keys.tolist() == expected
    np.testing.assert_allclose(chosen.scores, scores, rtol=1e-5, atol=1e-6)


def test_the_graph_is_that_of_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    x = np.random.default_rng(1).normal(size=(200, 6)).astype(np.float32)
    directed = neighbors.kneighbors_graph(x.astype(np.float64), 4, mode="distance", p=1)
    directed.data = np.exp(-directed.data / 6)
    graph = neighbour_graph(x, 4).toarray()
    np.testing.assert_allclose(graph, np.maximum(directed.toarray(), directed.toarray().T), rtol=1e-5)
    assert (graph == graph.T).all()


def two_heaps():
    rng = np.random.default_rng(0)
    return np.concatenate([0.1 * rng.normal(size=(30, 3)), 10 + 0.2 * rng.normal(size=(30, 3))])


def test_a_choice_lowers_what_is_around_it():
    chosen = (
        GraphDensity(neighbours=29).select(view_of(two_heaps(), np.zeros((0, 3))), 2, np.random.default_rng(0)).keys
    )
    assert sorted(chosen // 30) == [0, 1]


def test_what_is_labelled_counts_as_chosen():
    x = two_heaps()
    chosen = GraphDensity(neighbours=29).select(view_of(x[1:], x[:1]), 1, np.random.default_rng(0)).keys
    assert chosen[0] >= 29, "the denser heap has its label already"


def test_a_taken_image_never_raises_its_neighbours():
    x = np.zeros((6, 2))
    scores = GraphDensity(neighbours=5).select(view_of(x, x[:0]), 6, np.random.default_rng(0)).scores
    np.testing.assert_allclose(scores, [1, 0, 0, 0, 0, 0], atol=1e-6)


def test_a_large_pool_is_looked_at_in_part():
    view = view_of(np.random.default_rng(0).normal(size=(500, 4)), np.zeros((0, 4)))
    chosen = [GraphDensity(rows=30).select(view, 10, np.random.default_rng(seed)) for seed in range(2)]
    for one in chosen:
        assert_valid_selection(one, view, 10)
    assert chosen[0].keys.tolist() != chosen[1].keys.tolist()
    assert_valid_selection(GraphDensity(rows=30).select(view, 400, np.random.default_rng(0)), view, 400)


def test_equal_images_do_not_go_to_the_first_rows():
    x = np.zeros((200, 2))
    firsts = [GraphDensity().select(view_of(x, x[:0]), 1, np.random.default_rng(seed)).keys[0] for seed in range(10)]
    assert len(set(firsts)) > 5


def test_bad_input_is_refused():
    with pytest.raises(BadParams, match="neighbours=0"):
        GraphDensity(neighbours=0)
    x = np.zeros((9, 2))
    x[3, 1] = np.nan
    with pytest.raises(UnmetNeed, match="1 of 9 points"):
        GraphDensity().select(view_of(x, x[:0]), 2, np.random.default_rng(0))
