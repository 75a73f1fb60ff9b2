"""GLOSH."""

from __future__ import annotations

import hdbscan
import numpy as np
import pytest
from alframe_hdbscan.glosh import Glosh

import alframe
from alframe.errors import BadParams
from alframe.kit.composite import build_part
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


def far_from_all(seed=0, n=60):
    x = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    x[7] = 30
    return x


def choose(x, k, seed=0, **params):
    view = PoolView(tiny_keys(len(x)), {Need.FEATURES: x})
    chosen = Glosh(by="features", **params).select(view, k, np.random.default_rng(seed))
    assert_valid_selection(chosen, view, k)
    return [view.keys.tolist().index(id_) for id_ in chosen.keys.tolist()], chosen.scores


@pytest.mark.parametrize("wrong", [{"smallest": 1}, {"neighbours": 0}, {"rows": 1}, {"by": "pixels"}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(BadParams, match="sampler 'glosh'"):
        Glosh(**wrong)


class TestGlosh(SamplerSuite):
    make = Glosh

    def obvious_choice(self):
        probs = np.tile([0.9, 0.05, 0.05], (60, 1)) + 0.005 * np.random.default_rng(0).random((60, 3))
        probs[7] = [1e-5, 1e-5, 1]
        probs = (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)
        return PoolView(tiny_keys(60), {Need.PROBS: probs}), int(tiny_keys(60)[7])


class TestGloshOfFeatures(SamplerSuite):
    def make(self):
        return Glosh(by="features")

    def obvious_choice(self):
        return PoolView(tiny_keys(60), {Need.FEATURES: far_from_all()}), int(tiny_keys(60)[7])


def test_it_finds_what_lies_between_the_clusters():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(80, 3)), 40 + rng.normal(size=(80, 3)), [[20, 20, 20], [0, 40, 0]]])
    rows, scores = choose(x.astype(np.float32), 2, smallest=20)
    assert sorted(rows) == [160, 161]
    assert scores.min() > 0.8


def test_copies_are_no_outliers_and_hide_none():
    """Copies are infinitely dense: the package gives 0 to all, and the predecessor's scores were NaN."""
    x = np.concatenate([np.ones((60, 3)), 9 + np.random.default_rng(0).normal(size=(3, 3))]).astype(np.float32)
    rows, scores = choose(x, 63)
    assert sorted(rows[:3]) == [60, 61, 62]
    assert scores[2] > 0.9 > scores[3]


@pytest.mark.parametrize("n", [1, 2, 6, 7, 12])
def test_small_pools_come_to_an_end(n):
    choose(far_from_all(n=12)[:n], n)


def test_a_large_pool_is_looked_at_in_part():
    x = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    assert len(set(choose(x, 10, rows=60)[0])) == 10
    assert len(set(choose(x, 390, rows=60)[0])) == 390


def test_the_scores_are_those_of_the_package():
    x = np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)
    rows, scores = choose(x, 300, smallest=30)
    theirs = hdbscan.HDBSCAN(min_cluster_size=30, min_samples=5).fit(x.astype(np.float64)).outlier_scores_
    assert np.corrcoef(scores, theirs[rows])[0, 1] > 0.99


def test_it_can_be_chosen():
    sampler = build_part("sampler", alframe.compose("sampler=glosh", "sampler.by=features").sampler)
    assert isinstance(sampler, Glosh) and sampler.by == "features"
