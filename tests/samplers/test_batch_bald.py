"""BatchBALD against its definition."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import skactiveml.pool

from alframe.errors import BadParams
from alframe.samplers import batch_bald
from alframe.samplers.bald import Bald, mutual_information
from alframe.samplers.batch_bald import BatchBald, LabelDistribution, choose_greedily, extend_by_drawing, extend_exactly
from alframe.testing.sampler import SamplerSuite, tiny_keys, tiny_view
from alframe.types import Need, PoolView


class TestBatchBald(SamplerSuite):
    make = BatchBald


def random_samples(draws, n, classes, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(classes), (draws, n)).astype(np.float32)


def by_hand(samples, batch):
    """Mutual information of the batch's labels and the draw, in nats: by a sum over all labellings and draws."""
    draws, _, classes = samples.shape
    samples = samples.astype(np.float64)
    joint, conditional = [], 0.0
    for labels in product(range(classes), repeat=len(batch)):
        each = [math.prod(samples[t, row, c] for row, c in zip(batch, labels, strict=True)) for t in range(draws)]
        joint.append(math.fsum(each) / draws)
        conditional -= math.fsum(p * math.log(p) for p in each if p > 0) / draws
    return -math.fsum(p * math.log(p) for p in joint if p > 0) - conditional


@pytest.mark.parametrize(("draws", "classes"), [(6, 3), (3, 4), (12, 2)])
def test_the_greedy_choice_by_the_definition(draws, classes):
    samples = random_samples(draws, 9, classes, seed=draws)
    chosen = BatchBald().select(PoolView(np.arange(9), {Need.PROB_SAMPLES: samples}), 4, np.random.default_rng(0))
    batch: list[int] = []
    for step in range(4):
        worth = {row: by_hand(samples, [*batch, row]) for row in range(9) if row not in batch}
        best = max(worth, key=lambda row: worth[row])
        assert chosen.keys[step] == best
        batch.append(best)
        assert chosen.scores[: step + 1].sum() == pytest.approx(worth[best], abs=1e-5)


def test_the_first_is_balds_and_a_copy_of_it_is_left():
    """Plain BALD takes the best image and its copies; together they are hardly worth more than one."""
    samples = random_samples(40, 30, 3)
    best = int(mutual_information(samples).argmax())
    samples = np.concatenate([samples, np.repeat(samples[:, best : best + 1], 4, axis=1)], axis=1)
    copies = {best, 30, 31, 32, 33}
    view = PoolView(np.arange(34), {Need.PROB_SAMPLES: samples})
    assert set(Bald().select(view, 5, np.random.default_rng(0)).keys.tolist()) == copies
    chosen = BatchBald().select(view, 3, np.random.default_rng(0)).keys.tolist()
    assert chosen[0] in copies and not copies & set(chosen[1:])


def test_drawn_labellings_come_near_the_exact_sum():
    samples = random_samples(30, 60, 3, seed=1).astype(np.float64).transpose(1, 0, 2)
    rng = np.random.default_rng(0)
    joint = LabelDistribution(np.ones(1), np.full((1, 30), 1 / 30))
    sampled = LabelDistribution(np.full(3000, 1 / 3000), np.full((3000, 30), 1 / 30))
    for row in range(6):
        joint, sampled = extend_exactly(joint, samples[row]), extend_by_drawing(sampled, samples[row], rng)
    assert joint.probabilities.shape == (3**6,) and joint.probabilities.sum() == pytest.approx(1)
    np.testing.assert_allclose(sampled.entropy_given_labels(samples), joint.entropy_given_labels(samples), atol=0.02)


def test_no_batch_is_worth_more_than_telling_the_draws_apart():
    """Drawn labellings that drifted to a few draws once added up to five times as much."""
    samples = random_samples(10, 80, 4, seed=2)
    chosen = BatchBald(labellings=400, draws=10).select(
        PoolView(np.arange(80), {Need.PROB_SAMPLES: samples}), 60, np.random.default_rng(0)
    )
    assert 0.95 * math.log(10) < chosen.scores.sum() < 1.1 * math.log(10)
    assert len(set(chosen.keys.tolist())) == 60


def test_sure_draws_and_a_large_batch_do_not_underflow():
    hard = np.eye(3)[np.random.default_rng(0).integers(0, 3, (8, 400))]  # zeros and ones
    rows, gains = choose_greedily(hard.transpose(1, 0, 2), 400, 100, np.random.default_rng(0))
    assert sorted(rows) == list(range(400)) and np.isfinite(gains).all()
    assert gains.sum() == pytest.approx(math.log(8), rel=1e-6)


def test_old_bounds_change_nothing(monkeypatch):
    probs = random_samples(20, 100, 3, seed=3).astype(np.float64).transpose(1, 0, 2)
    lazy = choose_greedily(probs, 6, 3**6, np.random.default_rng(0))
    monkeypatch.setattr(batch_bald, "PROBS_PER_CHUNK", 1)
    one_by_one = choose_greedily(probs, 6, 3**6, np.random.default_rng(0))
    assert lazy[0].tolist() == one_by_one[0].tolist()
    np.testing.assert_allclose(lazy[1], one_by_one[1], rtol=1e-9)


def test_only_the_candidates_with_the_highest_bald_are_looked_at():
    samples = random_samples(10, 300, 3, seed=4)
    keys = tiny_keys(300)
    chosen = BatchBald(candidates=25).select(PoolView(keys, {Need.PROB_SAMPLES: samples}), 5, np.random.default_rng(0))
    best = keys[np.argsort(-mutual_information(samples))[:25]]
    assert set(chosen.keys.tolist()) <= set(best.tolist())


def test_a_batch_larger_than_the_candidates_is_filled():
    view = tiny_view({Need.PROB_SAMPLES}, n=60, draws=4)
    assert len(set(BatchBald(candidates=3).select(view, 50, np.random.default_rng(0)).keys.tolist())) == 50


def test_the_same_images_as_scikit_activeml():
    samples = random_samples(12, 40, 3, seed=5)
    theirs = skactiveml.pool.batch_bald(samples.astype(np.float64), batch_size=4, random_state=0, n_MC_samples=10_000)
    view = PoolView(np.arange(40), {Need.PROB_SAMPLES: samples})
    chosen = BatchBald().select(view, 4, np.random.default_rng(0)).keys
    assert chosen.tolist() == np.nanargmax(theirs, axis=1).tolist()


@pytest.mark.parametrize("bad", [{"candidates": 0}, {"labellings": 0}, {"draws": 1}])
def test_parameters_that_cannot_be(bad):
    with pytest.raises(BadParams, match=f"batch_bald.*{next(iter(bad))}"):
        BatchBald(**bad)
