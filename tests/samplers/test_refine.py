"""What some sampler wants survives, and what none wants is gone."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.kit.composite import restrict_view
from alframe.samplers.herding import UHerding
from alframe.samplers.refine import Refine
from alframe.samplers.uncertainty import Margin
from alframe.testing.sampler import SamplerSuite, tiny_view
from alframe.types import Need, PoolView


class TestRefine(SamplerSuite):
    make = Refine


class TestRefineOfTwo(SamplerSuite):
    def make(self):
        return Refine(samplers=["margin", "entropy"], last="margin", batches=3, stages=2)

    def obvious_choice(self):
        probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.8, 0.2], [0.9, 0.1]], np.float32)
        return PoolView(np.arange(4), {Need.PROBS: probs}), 1


def doubted_view(n):
    """The first half of the pool is doubted, the second is not."""
    lead = np.r_[np.linspace(0, 0.2, n // 2), np.linspace(0.8, 1, n // 2)].astype(np.float32)
    probs = np.column_stack([0.5 + lead / 2, 0.5 - lead / 2])
    return PoolView(np.arange(n), {Need.PROBS: probs})


def test_the_last_sampler_chooses_from_what_the_others_want():
    sampler = Refine(samplers=["margin"], last="random")
    chosen = np.concatenate([sampler.select(doubted_view(200), 10, np.random.default_rng(i)).keys for i in range(10)])
    assert (chosen < 100).all()
    unfiltered = Refine(samplers=["margin"], last="random", stages=0)
    assert (unfiltered.select(doubted_view(200), 60, np.random.default_rng(0)).keys >= 100).any()


def test_each_stage_leaves_fewer_images_and_always_enough(monkeypatch):
    left = {}
    choose = Margin.select

    def record(self, view, k, rng):
        left.setdefault(stages, []).append(len(view))
        return choose(self, view, k, rng)

    monkeypatch.setattr(Margin, "select", record)
    for stages in (0, 1, 3):
        sampler = Refine(samplers=["margin"], last="margin", stages=stages)
        assert len(sampler.select(doubted_view(600), 20, np.random.default_rng(0)).keys) == 20
    sizes = [left[stages][-1] for stages in (0, 1, 3)]
    assert sizes[0] == 600 > sizes[1] > sizes[2] >= 20


def test_without_stages_it_is_the_last_sampler():
    sampler = Refine(samplers=["margin"], last="uherding", stages=0)
    view = tiny_view(sampler.needs, n=50, labelled=12)
    expected = UHerding().select(restrict_view(UHerding(), view), 8, np.random.default_rng(1)).keys
    assert set(sampler.select(view, 8, np.random.default_rng(1)).keys.tolist()) == set(expected.tolist())


def test_a_large_pool_is_sampled(monkeypatch):
    seen = []
    choose = Margin.select

    def record(self, view, k, rng):
        seen.append(len(view))
        return choose(self, view, k, rng)

    monkeypatch.setattr(Margin, "select", record)
    Refine(samplers=["margin"], last="margin", rows=100).select(doubted_view(1000), 5, np.random.default_rng(0))
    assert max(seen) == 40


@pytest.mark.parametrize(
    "params",
    [
        {"samplers": []},
        {"samplers": ["margin", "margin"]},
        {"stages": -1},
        {"batches": 0},
        {"fraction": 0},
        {"rows": 0},
    ],
)
def test_parameters_are_checked(params):
    with pytest.raises(BadParams, match=next(iter(params))):
        Refine(**params)
