"""MyPart keeps the sampler's contract, and can be chosen by its name."""

from __future__ import annotations

import numpy as np
from alframe_mypart.mypart import MyPart

import alframe
from alframe.builtins import REGISTRIES
from alframe.testing import SamplerSuite, tiny_view
from alframe.types import Need, PoolView


class TestMyPart(SamplerSuite):
    def make(self) -> MyPart:
        return MyPart(p=0.5)

    def obvious_choice(self) -> None:
        """Nothing is: any image may be drawn first."""


class TestOnlyUncertain(SamplerSuite):
    """With p=1 the least certain image comes first, so that the suite can test the direction too."""

    def make(self) -> MyPart:
        return MyPart(p=1.0)


def test_p_is_the_share_of_uncertain_images() -> None:
    n, k = 2000, 400
    probs = np.linspace(0.5, 1, n, dtype=np.float32)
    view = PoolView(tiny_view({Need.PROBS}, n=n).keys, {Need.PROBS: np.stack([probs, 1 - probs], axis=1)})
    selection = MyPart(p=0.75).select(view, k, np.random.default_rng(0))
    uncertain = np.isin(selection.keys, view.keys[:300]).sum()
    assert abs(uncertain - 300) < 30


def test_it_can_be_chosen() -> None:
    config = alframe.compose("sampler=mypart", "sampler.p=0.3")
    sampler = REGISTRIES["sampler"].build(config.sampler)
    assert isinstance(sampler, MyPart)
    assert sampler.p == 0.3
