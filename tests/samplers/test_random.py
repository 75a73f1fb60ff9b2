"""The random sampler."""

from __future__ import annotations

import numpy as np

from alframe.samplers.random import Random
from alframe.testing.sampler import SamplerSuite, tiny_view


class TestRandom(SamplerSuite):
    make = Random


def test_every_image_is_equally_likely():
    view = tiny_view((), n=10)
    chosen = [Random().select(view, 3, np.random.default_rng(seed)).keys for seed in range(1000)]
    _, counts = np.unique(chosen, return_counts=True)
    assert len(counts) == 10
    assert counts.min() > 240 and counts.max() < 360, counts
