"""Margin, entropy and least confidence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from alframe.errors import UnmetNeed
from alframe.samplers.ranking import top
from alframe.samplers.uncertainty import Entropy, LeastConfidence, Margin
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_ids, tiny_view
from alframe.types import Need, PoolView

ALL = [Margin, Entropy, LeastConfidence]


class TestMargin(SamplerSuite):
    make = Margin


class TestEntropy(SamplerSuite):
    make = Entropy


class TestLeastConfidence(SamplerSuite):
    make = LeastConfidence


def view_of(probs):
    return PoolView(np.arange(len(probs)), {Need.PROBS: np.asarray(probs, np.float32)})


def choose(sampler, probs, k, seed=0):
    return sampler().select(view_of(probs), k, np.random.default_rng(seed))


def test_they_want_different_images():
    probs = [[0.50, 0.49, 0.01], [0.45, 0.275, 0.275], [0.46, 0.40, 0.14]]
    assert choose(Margin, probs, 3).ids.tolist() == [0, 2, 1]
    assert choose(Entropy, probs, 3).ids.tolist() == [1, 2, 0]
    assert choose(LeastConfidence, probs, 3).ids.tolist() == [1, 2, 0]


@pytest.mark.parametrize("sampler", ALL)
def test_scores_by_plain_formulas(sampler):
    view = tiny_view({Need.PROBS}, n=50, classes=4)
    chosen = sampler().select(view, 50, np.random.default_rng(0))
    formula = {
        Margin: lambda p: 1 - (sorted(p)[-1] - sorted(p)[-2]),
        Entropy: lambda p: -sum(q * np.log(q) for q in p),
        LeastConfidence: lambda p: 1 - max(p),
    }[sampler]
    rows = {id_: row for row, id_ in enumerate(view.ids.tolist())}
    expected = [formula(view.probs[rows[id_]].tolist()) for id_ in chosen.ids.tolist()]
    np.testing.assert_allclose(chosen.scores, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sampler", ALL)
def test_the_same_images_as_scikit_activeml(sampler):
    pool = pytest.importorskip("skactiveml.pool")
    method = {Margin: "margin_sampling", Entropy: "entropy", LeastConfidence: "least_confident"}[sampler]
    probs = np.random.default_rng(5).dirichlet(np.ones(5), 300).astype(np.float32)
    utilities = pool.uncertainty_scores(probas=probs.astype(np.float64), method=method)
    assert choose(sampler, probs, 40).ids.tolist() == np.argsort(-utilities)[:40].tolist()


def test_zeros_have_no_entropy_and_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = choose(Entropy, [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]], 3)
    assert chosen.ids[0] == 1
    np.testing.assert_allclose(chosen.scores, [np.log(2), 0, 0], rtol=1e-6)


@pytest.mark.parametrize("sampler", ALL)
def test_nan_is_refused_with_the_count(sampler):
    fields = tiny_fields({Need.PROBS})
    fields[Need.PROBS][[3, 9]] = np.nan
    with pytest.raises(UnmetNeed, match=r"2 of 20 unlabelled images \(first: row 3\)"):
        sampler().select(PoolView(tiny_ids(20), fields), 3, np.random.default_rng(0))


def test_ties_do_not_go_to_the_first_rows():
    probs = np.full((1000, 2), 0.5)
    draws = [choose(Margin, probs, 10, seed).ids for seed in range(40)]
    assert 400 < np.mean(draws) < 600, "the mean row of a fair draw is 499.5"
    assert len({tuple(draw) for draw in draws}) == 40


def test_ties_at_the_edge_of_the_choice_are_drawn_too():
    scores = np.array([2.0, 1, 1, 1, 1, 0], np.float32)
    seen = [top(np.arange(6), scores, 2, np.random.default_rng(seed)).ids.tolist() for seed in range(200)]
    assert all(first == 0 for first, _ in seen)
    counts = np.bincount([second for _, second in seen], minlength=6)
    assert counts[[0, 5]].sum() == 0 and counts[1:5].min() > 25
