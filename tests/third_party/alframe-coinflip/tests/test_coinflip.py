"""Coinflip keeps the sampler's contract, and can be chosen by its name."""

from __future__ import annotations

import numpy as np
from alframe_coinflip.coinflip import Coinflip

import alframe
from alframe.builtins import REGISTRIES
from alframe.testing import SamplerSuite, tiny_view
from alframe.types import Need, PoolView


class TestCoinflip(SamplerSuite):
    def make(self) -> Coinflip:
        return Coinflip(p=0.5)

    def obvious(self) -> None:
        """Nothing is: the coin may say tails."""


class TestHeadsOnly(SamplerSuite):
    """With p=1 the least certain image comes first, so that the suite can test the direction too."""

    def make(self) -> Coinflip:
        return Coinflip(p=1.0)


def test_p_is_the_share_of_uncertain_images() -> None:
    n, k = 2000, 400
    probs = np.linspace(0.5, 1, n, dtype=np.float32)
    view = PoolView(tiny_view({Need.PROBS}, n=n).keys, {Need.PROBS: np.stack([probs, 1 - probs], axis=1)})
    chosen = Coinflip(p=0.75).select(view, k, np.random.default_rng(0))
    uncertain = np.isin(chosen.keys, view.keys[:300]).sum()
    assert abs(uncertain - 300) < 30


def test_it_can_be_chosen() -> None:
    config = alframe.compose("sampler=coinflip", "sampler.p=0.3")
    sampler = REGISTRIES["sampler"].build(config.sampler)
    assert isinstance(sampler, Coinflip)
    assert sampler.p == 0.3
