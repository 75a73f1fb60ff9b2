"""BALD."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skactiveml.pool

from alframe.errors import BadParams
from alframe.samplers.bald import Bald, mutual_information
from alframe.testing.sampler import SamplerSuite, tiny_keys, tiny_view
from alframe.types import Need, PoolView


class TestBald(SamplerSuite):
    make = Bald


def by_hand(samples):
    """KL divergence of each draw from their mean, averaged: the other formula for the same information."""
    draws, n, classes = samples.shape
    out = []
    for row in range(n):
        mean = [math.fsum(samples[t, row, c] for t in range(draws)) / draws for c in range(classes)]
        terms = (
            samples[t, row, c] * math.log(samples[t, row, c] / mean[c])
            for t in range(draws)
            for c in range(classes)
            if samples[t, row, c] > 0
        )
        out.append(math.fsum(terms) / draws)
    return out


@pytest.mark.parametrize(("draws", "classes"), [(7, 3), (3, 7), (20, 2), (2, 20)])
def test_it_equals_the_other_formula(draws, classes):
    samples = np.random.default_rng(draws).dirichlet(np.ones(classes), (draws, 30))
    np.testing.assert_allclose(mutual_information(samples.astype(np.float32)), by_hand(samples), atol=1e-6)


def test_draws_that_agree_on_not_knowing_are_worth_nothing():
    split = np.array([[[1, 0]], [[0, 1]]], np.float32)
    unsure = np.full((2, 1, 2), 0.5, np.float32)
    np.testing.assert_allclose(mutual_information(np.concatenate([split, unsure], axis=1)), [math.log(2), 0], atol=1e-6)


def test_large_pools_go_through_in_parts(monkeypatch):
    view = tiny_view({Need.PROB_SAMPLES}, n=50, draws=4)
    whole = Bald().select(view, 50, np.random.default_rng(0))
    monkeypatch.setattr("alframe.chunks.ROWS", 7)
    parts = Bald().select(view, 50, np.random.default_rng(0))
    assert whole.keys.tolist() == parts.keys.tolist()


def test_the_choice_is_the_most_informative():
    samples = np.random.default_rng(1).dirichlet(np.ones(4), (6, 200)).astype(np.float32)
    keys = tiny_keys(200)
    chosen = Bald().select(PoolView(keys, {Need.PROB_SAMPLES: samples}), 9, np.random.default_rng(0))
    assert chosen.keys.tolist() == keys[np.argsort(-np.array(by_hand(samples)))[:9]].tolist()


def test_one_draw_cannot_disagree():
    with pytest.raises(BadParams, match="draws=1"):
        Bald(draws=1)


def test_the_mean_is_over_draws_not_classes():
    """Once it was over the wrong axis, T / C too large: right only for as many draws as classes."""
    sure_twins = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32)  # the draws disagree, each rather sure
    toss_up = np.full((2, 2), 0.5, np.float32)  # they agree that nobody can tell
    samples = np.stack([np.tile(sure_twins, (5, 1)), np.tile(toss_up, (5, 1))], axis=1)  # T = 10, C = 2
    assert samples.shape == (10, 2, 2)
    scores = mutual_information(samples)
    assert scores[0] == pytest.approx(math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1), abs=1e-6)
    assert scores[1] == pytest.approx(0, abs=1e-6)


def test_the_same_scores_as_scikit_activeml():
    samples = np.random.default_rng(2).dirichlet(np.ones(3), (12, 60)).astype(np.float32)  # T is not C
    chosen = Bald().select(PoolView(np.arange(60), {Need.PROB_SAMPLES: samples}), 60, np.random.default_rng(0))
    (theirs,) = skactiveml.pool.batch_bald(samples.astype(np.float64), batch_size=1, random_state=0)
    np.testing.assert_allclose(chosen.scores, theirs[chosen.keys], atol=1e-6)
    assert chosen.keys.tolist() == np.argsort(-theirs).tolist()
