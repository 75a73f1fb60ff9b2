"""Margin, ratio, entropy and least confidence, of the head's probabilities and of the mean of its draws."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import skactiveml.pool

from alframe.errors import BadParams, UnmetNeed
from alframe.kit.scoring import select_top_k
from alframe.samplers.uncertainty import (
    Entropy,
    EntropyMC,
    LeastConfidence,
    LeastConfidenceMC,
    Margin,
    MarginMC,
    Ratio,
    RatioMC,
    entropy,
    least_confidence,
    margin_uncertainty,
    ratio_uncertainty,
)
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_keys, tiny_view
from alframe.types import Need, PoolView

ALL = [Margin, Ratio, Entropy, LeastConfidence]
OF_DRAWS = {MarginMC: Margin, RatioMC: Ratio, EntropyMC: Entropy, LeastConfidenceMC: LeastConfidence}


class TestMargin(SamplerSuite):
    make = Margin


class TestEntropy(SamplerSuite):
    make = Entropy


class TestRatio(SamplerSuite):
    make = Ratio


class TestLeastConfidence(SamplerSuite):
    make = LeastConfidence


class TestMarginMC(SamplerSuite):
    make = MarginMC


class TestRatioMC(SamplerSuite):
    make = RatioMC


class TestEntropyMC(SamplerSuite):
    make = EntropyMC


class TestLeastConfidenceMC(SamplerSuite):
    make = LeastConfidenceMC


def view_of(probs):
    return PoolView(np.arange(len(probs)), {Need.PROBS: np.asarray(probs, np.float32)})


def choose(sampler, probs, k, seed=0):
    return sampler().select(view_of(probs), k, np.random.default_rng(seed))


def test_they_want_different_images():
    probs = [[0.50, 0.49, 0.01], [0.45, 0.275, 0.275], [0.46, 0.40, 0.14]]
    assert choose(Margin, probs, 3).keys.tolist() == [0, 2, 1]
    assert choose(Entropy, probs, 3).keys.tolist() == [1, 2, 0]
    assert choose(LeastConfidence, probs, 3).keys.tolist() == [1, 2, 0]
    assert choose(Ratio, probs, 3).keys.tolist() == [0, 2, 1]
    # A lead of 0.2 out of 0.8 is more in doubt by its ratio, one of 0.19 out of 0.39 by its margin.
    probs = [[0.5, 0.3, 0.1, 0.1], [0.39, 0.2, 0.2, 0.21]]
    assert choose(Margin, probs, 1).keys.tolist() == [1] and choose(Ratio, probs, 1).keys.tolist() == [0]


@pytest.mark.parametrize("sampler", [*ALL, *OF_DRAWS])
def test_the_certain_come_last(sampler):
    """Least confidence and ratio were once turned round: they took the images that the head was surest of."""
    rng = np.random.default_rng(2)
    probs = rng.dirichlet(np.ones(4), 200).astype(np.float32)
    fields = {Need.PROBS: probs, Need.PROB_SAMPLES: np.stack([probs, probs])}
    view = PoolView(np.arange(200), {need: fields[need] for need in sampler.needs})
    chosen = sampler().select(view, 20, rng).keys
    assert probs[chosen].max(axis=1).max() < probs.max(axis=1).mean() < probs.max()


@pytest.mark.parametrize(("sampler", "of_the_head"), OF_DRAWS.items())
def test_draws_are_judged_by_their_mean(sampler, of_the_head):
    samples = np.random.default_rng(3).dirichlet(np.ones(3), (7, 60)).astype(np.float32)
    mean = [[float(np.mean([samples[t, row, c] for t in range(7)])) for c in range(3)] for row in range(60)]
    chosen = sampler(draws=7).select(
        PoolView(np.arange(60), {Need.PROB_SAMPLES: samples}), 60, np.random.default_rng(0)
    )
    expected = choose(of_the_head, mean, 60)
    assert chosen.keys.tolist() == expected.keys.tolist()
    np.testing.assert_allclose(chosen.scores, expected.scores, rtol=1e-4)


def test_draws_that_are_sure_of_different_classes_are_in_doubt_together():
    samples = np.array([[[1, 0], [0.6, 0.4]], [[0, 1], [0.6, 0.4]]], np.float32)
    view = PoolView(np.arange(2), {Need.PROB_SAMPLES: samples})
    for sampler in OF_DRAWS:
        assert sampler().select(view, 1, np.random.default_rng(0)).keys.tolist() == [0]


@pytest.mark.parametrize("sampler", OF_DRAWS)
def test_no_draw_is_no_sample(sampler):
    with pytest.raises(BadParams, match=f"{sampler.name}.*draws=0"):
        sampler(draws=0)


def test_certain_images_are_not_planted_on_entropy():
    """Probabilities of zero once made NaN, which was taken before all else: 30 certain images, all 30 selected."""
    probs = np.random.default_rng(4).dirichlet(np.ones(5), 300).astype(np.float32)
    probs[::10] = np.eye(5, dtype=np.float32)[np.arange(30) % 5]
    for sampler, fields in ((Entropy, {Need.PROBS: probs}), (EntropyMC, {Need.PROB_SAMPLES: probs[None]})):
        chosen = sampler().select(PoolView(np.arange(300), fields), 270, np.random.default_rng(0))
        assert (chosen.keys % 10 != 0).all()


@pytest.mark.parametrize("sampler", [*ALL, *OF_DRAWS])
def test_the_probabilities_stay_as_they_are(sampler):
    """They were once sorted in place, so that whoever came next read the wrong classes. Read-only arrays do not lie."""
    probs = np.random.default_rng(0).dirichlet(np.ones(4), 30).astype(np.float32)
    fields = {Need.PROBS: probs.copy(), Need.PROB_SAMPLES: np.stack([probs, probs])}
    sampler().select(
        PoolView(np.arange(30), {need: fields[need] for need in sampler.needs}), 9, np.random.default_rng(0)
    )
    assert (fields[Need.PROBS] == probs).all() and (fields[Need.PROB_SAMPLES] == probs).all()


@pytest.mark.parametrize("sampler", ALL)
def test_scores_by_plain_formulas(sampler):
    view = tiny_view({Need.PROBS}, n=50, classes=4)
    chosen = sampler().select(view, 50, np.random.default_rng(0))
    formula = {
        Margin: lambda p: 1 - (sorted(p)[-1] - sorted(p)[-2]),
        Ratio: lambda p: sorted(p)[-2] / sorted(p)[-1],
        Entropy: lambda p: -sum(q * np.log(q) for q in p),
        LeastConfidence: lambda p: 1 - max(p),
    }[sampler]
    rows = {id_: row for row, id_ in enumerate(view.keys.tolist())}
    expected = [formula(view.probs[rows[id_]].tolist()) for id_ in chosen.keys.tolist()]
    np.testing.assert_allclose(chosen.scores, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sampler", [Margin, Entropy, LeastConfidence])
def test_the_same_images_as_scikit_activeml(sampler):
    method = {Margin: "margin_sampling", Entropy: "entropy", LeastConfidence: "least_confident"}[sampler]
    probs = np.random.default_rng(5).dirichlet(np.ones(5), 300).astype(np.float32)
    utilities = skactiveml.pool.uncertainty_scores(probas=probs.astype(np.float64), method=method)
    assert choose(sampler, probs, 40).keys.tolist() == np.argsort(-utilities)[:40].tolist()


def test_zeros_have_no_entropy_and_raise_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = choose(Entropy, [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]], 3)
    assert chosen.keys[0] == 1
    np.testing.assert_allclose(chosen.scores, [np.log(2), 0, 0], rtol=1e-6)


@pytest.mark.parametrize("sampler", ALL)
def test_nan_is_refused_with_the_count(sampler):
    fields = tiny_fields({Need.PROBS})
    fields[Need.PROBS][[3, 9]] = np.nan
    with pytest.raises(UnmetNeed, match=r"2 of 20 images \(first: row 3\)"):
        sampler().select(PoolView(tiny_keys(20), fields), 3, np.random.default_rng(0))


def test_ties_do_not_go_to_the_first_rows():
    probs = np.full((1000, 2), 0.5)
    draws = [choose(Margin, probs, 10, seed).keys for seed in range(40)]
    assert 400 < np.mean(draws) < 600, "the mean row of a fair draw is 499.5"
    assert len({tuple(draw) for draw in draws}) == 40


def test_ties_at_the_edge_of_the_choice_are_drawn_too():
    scores = np.array([2.0, 1, 1, 1, 1, 0], np.float32)
    seen = [select_top_k(np.arange(6), scores, 2, np.random.default_rng(seed)).keys.tolist() for seed in range(200)]
    assert all(first == 0 for first, _ in seen)
    counts = np.bincount([second for _, second in seen], minlength=6)
    assert counts[[0, 5]].sum() == 0 and counts[1:5].min() > 25


@pytest.mark.parametrize("classes", [1, 2, 7])
def test_scores_go_through_the_pool_in_parts(classes, monkeypatch):
    probs = np.random.default_rng(0).dirichlet(np.ones(classes), 100).astype(np.float32)
    ordered = np.sort(np.column_stack([np.zeros(100, np.float32), probs]), axis=1)
    expected = [score(probs) for score in (margin_uncertainty, ratio_uncertainty, entropy, least_confidence)]
    np.testing.assert_array_equal(expected[0], 1 - (ordered[:, -1] - ordered[:, -2]))
    monkeypatch.setattr("alframe.chunks.ROWS", 7)
    for score, whole in zip((margin_uncertainty, ratio_uncertainty, entropy, least_confidence), expected, strict=True):
        np.testing.assert_array_equal(score(probs), whole)
        assert score(probs[:0]).shape == (0,)
