"""Shares of a batch, without duplicates."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.builtins import REGISTRIES
from alframe.contracts import DEFAULT_DRAWS
from alframe.errors import BadParams, UnknownComponent, UnmetNeed
from alframe.kit.composite import restrict_view
from alframe.samplers.bald import Bald
from alframe.samplers.margin_cluster_mean import MarginClusterMean
from alframe.samplers.mixture import Mixture, _draw_sampler_counts
from alframe.samplers.random import Random
from alframe.samplers.uncertainty import Margin
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_fields, tiny_keys, tiny_view
from alframe.types import Need, PoolView


class TestMixture(SamplerSuite):
    make = Mixture

    def obvious_choice(self):
        return None  # half of it is random


class TestMixtureOfThree(SamplerSuite):
    def make(self):
        return Mixture({"margin": 2, "kcenter": 1, "bald": 2})


def choose(view, k, weights, seed=0):
    return Mixture(weights).select(view, k, np.random.default_rng(seed)).keys


def test_who_wants_the_same_images_takes_the_next():
    view = tiny_view({Need.PROBS}, n=50, classes=2)
    best = Margin().select(view, 12, np.random.default_rng(0)).keys
    chosen = choose(view, 12, {"margin": 1, "least_confidence": 1, "entropy": 1})
    assert set(chosen.tolist()) == set(best.tolist()), "with two classes all three rank alike"


def test_the_shares_are_those_of_the_weights_from_the_beginning_on():
    view = tiny_view({Need.PROBS, Need.FEATURES, Need.LABELLED_FEATURES}, n=300)
    uncertain = set(Margin().select(view, 30, np.random.default_rng(0)).keys.tolist())
    chosen = choose(view, 40, {"margin": 3, "kcenter": 1})
    mine = np.array([id_ in uncertain for id_ in chosen.tolist()])
    assert mine.sum() >= 30
    assert 6 <= mine[:10].sum() <= 9, "mixed, and not one after the other"


def test_what_does_not_divide_is_fair():
    view = tiny_view({Need.PROBS}, n=50)
    best = Margin().select(view, 1, np.random.default_rng(0)).keys[0]
    mixture = Mixture({"random": 0.75, "margin": 0.25})
    hits = np.mean([mixture.select(view, 1, np.random.default_rng(seed)).keys[0] == best for seed in range(400)])
    assert 0.2 < hits < 0.33, "a quarter by margin, and a fiftieth of the others by chance"


@pytest.mark.parametrize(
    ("k", "weights"), [(2, [0.45, 0.45, 0.05, 0.05]), (3, [0.4, 0.35, 0.25]), (5, [0.33, 0.3, 0.19, 0.18]), (4, [1, 0])]
)
def test_each_gets_its_weight_on_average_and_never_two_places_more(k, weights):
    rng = np.random.default_rng(0)
    shares = np.array([_draw_sampler_counts(k, np.array(weights), rng) for _ in range(20_000)])
    exact = k * np.array(weights)
    assert (shares.sum(axis=1) == k).all() and (np.abs(shares - exact) < 1).all()
    np.testing.assert_allclose(shares.mean(axis=0), exact, atol=0.015)


def test_a_weight_of_none_leaves_a_sampler_out():
    mixture = Mixture({"margin": 0, "random": 1})
    assert mixture.needs == frozenset()
    assert mixture.draws == DEFAULT_DRAWS, "no sampler in it asks for any"


def test_the_whole_pool_can_be_asked_for():
    view = tiny_view({Need.PROBS})
    assert_valid_selection(Mixture().select(view, 20, np.random.default_rng(0)), view, 20)


def test_each_sees_its_own_needs_only():
    needs = {Need.PROBS, Need.FEATURES, Need.LABELLED_PROBS, Need.PREDICT}
    view = tiny_view(needs)
    mine = restrict_view(MarginClusterMean(), view)
    assert mine.features.base is not None and np.shares_memory(mine.features, view.features)
    with pytest.raises(UnmetNeed, match=r"Need\.PREDICT"):
        _ = mine.predict
    with pytest.raises(UnmetNeed, match=r"Need\.PROBS"):
        _ = restrict_view(Random(), view).probs


def test_each_gets_as_many_draws_as_it_asks_for():
    assert Mixture({"bald": 1, "random": 1}).draws == Bald().draws
    fields = tiny_fields({Need.PROB_SAMPLES}, draws=30)
    assert restrict_view(Bald(draws=7), PoolView(tiny_keys(20), fields)).prob_samples.shape[0] == 7


@pytest.mark.parametrize(
    "weights", [{}, {"margin": 0}, {"margin": -1, "random": 2}, {"margin": float("nan")}, {"margin": "much"}, None]
)
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(BadParams, match="numbers of at least 0"):
        Mixture(weights)


def test_a_name_that_does_not_exist_is_told_before_anything_is_computed():
    with pytest.raises(UnknownComponent, match="'margn'"):
        _ = REGISTRIES["sampler"].build({"name": "mixture", "weights": {"margn": 1}}).needs
