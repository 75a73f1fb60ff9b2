"""ProbCover: coverage by hand, and the radius by its definition."""

from __future__ import annotations

import numpy as np
import pytest
import skactiveml.pool

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers import probcover as module
from alframe.samplers.probcover import ProbCover, find_pure_radius
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


def on_a_circle(*degrees):
    """Embeddings of length 1 to 3 at these angles."""
    angles = np.radians(degrees)
    lengths = 1 + 2 * np.random.default_rng(0).random((len(degrees), 1))
    return (lengths * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32)


def view_of(x, labelled=None, keys=None):
    labelled = np.zeros((0, x.shape[1]), np.float32) if labelled is None else labelled
    return PoolView(np.arange(len(x)) if keys is None else keys, {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled})


def choose(view, k, seed=0, **params):
    return ProbCover(**params).select(view, k, np.random.default_rng(seed))


class TestProbCover(SamplerSuite):
    make = ProbCover

    def obvious_choice(self):
        return None  # with its own radius; see below


class TestProbCoverOfThisRadius(SamplerSuite):
    def make(self):
        return ProbCover(radius=0.06)

    def obvious_choice(self):
        x = on_a_circle(90, 0, 3, 6, 180, 270)
        return view_of(x, keys=tiny_keys(6)), int(tiny_keys(6)[2])


@pytest.mark.parametrize("seed", range(8))
def test_each_choice_covers_the_most(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, 3)).astype(np.float32)
    labelled = rng.normal(size=(5, 3)).astype(np.float32)
    chosen = choose(view_of(x, labelled), 12, radius=0.4)
    normal = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = np.linalg.norm(normal[:, None] - normal, axis=2) <= 0.4
    known = labelled / np.linalg.norm(labelled, axis=1, keepdims=True)
    covered = (np.linalg.norm(normal[:, None] - known, axis=2) <= 0.4).any(axis=1)
    for row, score in zip(chosen.keys, chosen.scores, strict=True):
        gains = (near & ~covered).sum(axis=1)
        assert gains[row] == gains.max() == score
        covered |= near[row]


def test_what_is_labelled_covers_its_surroundings():
    x = on_a_circle(0, 2, 4, 6, 90, 92)
    assert choose(view_of(x), 1, radius=0.1).keys[0] < 4
    assert choose(view_of(x, on_a_circle(3)), 1, radius=0.1).keys[0] >= 4


def test_the_radius_by_its_definition():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).astype(np.float32)
    cluster = (x[:, 0] > 0).astype(np.int64)
    radius = find_pure_radius(x, cluster, 0.9)

    def purity(radius):
        near = np.linalg.norm(x[:, None] - x, axis=2) <= radius
        return np.mean([(cluster[near[row]] == cluster[row]).all() for row in range(300)])

    assert purity(radius - 1e-4) >= 0.9 > purity(radius * 1.05)


def test_pairs_on_the_radius_do_not_hang_on_rounding(monkeypatch):
    """Another number of threads gives a matrix product other last bits: they must not change what is chosen."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    x = np.concatenate([grid[np.abs(grid).sum(axis=1) > 0]] * 2).astype(np.float32)
    whole = module.pairwise_squared_distances
    chosen = []
    for noise in (0, 2e-7, -2e-7):
        with monkeypatch.context() as patch:

            def shaken(a, b, noise=noise):
                return whole(a, b) + np.float32(noise) * rng.random((len(a), len(b)), np.float32)

            patch.setattr(module, "pairwise_squared_distances", shaken)
            radius = float(np.sqrt(2 - np.sqrt(2) + module.COPY_DISTANCE))  # at which very many pairs are
            chosen += [choose(view_of(x, x[:1]), 12, radius=given).keys.tolist() for given in (radius, None)]
    assert chosen[0] == chosen[2] == chosen[4] and chosen[1] == chosen[3] == chosen[5]


def test_the_radius_follows_the_clusters():
    """Two heaps: a choice covers all of one heap and nothing of the other."""
    degrees = np.concatenate([10 * np.random.default_rng(0).random(40), 90 + 10 * np.random.default_rng(1).random(30)])
    chosen = choose(view_of(on_a_circle(*degrees)), 3, clusters=2, purity=0.99)
    assert chosen.scores.tolist() == [40, 30, 0]


def test_once_all_is_covered_it_goes_on_at_random():
    x = np.ones((60, 2), np.float32)
    for seed in range(3):
        assert_valid_selection(choose(view_of(x), 60, seed), view_of(x), 60)
    assert len({choose(view_of(x), 2, seed).keys[1] for seed in range(8)}) > 4


def test_a_large_pool_is_looked_at_in_part():
    view = view_of(np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32))
    assert choose(view, 5, 0, rows=50).keys.tolist() != choose(view, 5, 1, rows=50).keys.tolist()
    assert_valid_selection(choose(view, 300, rows=50), view, 300)


def test_bad_input_is_refused():
    for wrong in ({"radius": 0}, {"clusters": 0}, {"purity": 1.0}, {"rows": 0}):
        with pytest.raises(BadParams, match=f"sampler 'probcover': {next(iter(wrong))}="):
            ProbCover(**wrong)
    x = np.zeros((9, 2), np.float32)
    x[3, 1] = np.inf
    with pytest.raises(UnmetNeed, match="1 of 9 images looked at"):
        choose(view_of(x), 3)


def test_scikit_activeml_would_choose_the_same():
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    chosen = choose(view_of(x[5:], x[:5]), 8, radius=0.5)
    y = np.full(120, np.nan)
    y[:5] = 0
    for row, score in zip(chosen.keys + 5, chosen.scores, strict=True):  # many are as good: ask about each one made
        theirs = skactiveml.pool.ProbCover(deltas=[0.5], n_classes=2, random_state=0)
        _, utilities = theirs.query(x, y, batch_size=1, return_utilities=True)
        assert utilities[0, row] == np.nanmax(utilities) == score
        y[row] = 0
