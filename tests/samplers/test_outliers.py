"""Quiet neurons, and quiet neurons among the unsure."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.outliers import (
    EntropyThenOutliers,
    LeastConfidenceThenOutliers,
    OutliersMaxActivation,
    OutliersMeanActivation,
)
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_keys
from alframe.types import Need, PoolView

ALL = [OutliersMeanActivation, OutliersMaxActivation, LeastConfidenceThenOutliers, EntropyThenOutliers]
MIXES = ALL[2:]


class Suite(SamplerSuite):
    def obvious_choice(self):
        fields = tiny_fields(self.make().needs)
        fields[Need.HIDDEN_ACTIVATIONS] += 1
        fields[Need.HIDDEN_ACTIVATIONS][11] = 0
        if Need.PROBS in fields:
            fields[Need.PROBS][:] = [0.98, 0.01, 0.01]
            fields[Need.PROBS][[3, 8, 11, 13]] = 1 / 3
        return PoolView(tiny_keys(20), fields), int(tiny_keys(20)[11])


class TestOutliersMeanActivation(Suite):
    make = OutliersMeanActivation


class TestOutliersMaxActivation(Suite):
    make = OutliersMaxActivation


class TestOutliersLeastConfidence(Suite):
    make = LeastConfidenceThenOutliers


class TestOutliersEntropy(Suite):
    make = EntropyThenOutliers


def choose(sampler, k, **fields):
    arrays = {Need[name]: np.asarray(array, np.float32) for name, array in fields.items()}
    n = len(next(iter(arrays.values())))
    return sampler.select(PoolView(tiny_keys(n), arrays), k, np.random.default_rng(0))


def test_mean_and_max_want_different_images():
    activations = [[0, 9, 0, 0], [3, 3, 3, 3], [1, 5, 4, 4]]
    keys = tiny_keys(3)
    assert choose(OutliersMeanActivation(), 3, HIDDEN_ACTIVATIONS=activations).keys.tolist() == keys[[0, 1, 2]].tolist()
    assert choose(OutliersMaxActivation(), 3, HIDDEN_ACTIVATIONS=activations).keys.tolist() == keys[[1, 2, 0]].tolist()


@pytest.mark.parametrize("sampler", MIXES)
def test_the_mixes_choose_images_of_the_pool(sampler):
    """The predecessor answered with positions in the pre-sample: other images."""
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(5), 300)
    activations = rng.random((300, 16))
    doubt = 1 - probs.max(axis=1) if sampler is LeastConfidenceThenOutliers else -(probs * np.log(probs)).sum(axis=1)
    unsure = np.argsort(-doubt)[:40]
    expected = unsure[np.argsort(activations[unsure].mean(axis=1))[:10]]
    assert (
        choose(sampler(), 10, PROBS=probs, HIDDEN_ACTIVATIONS=activations).keys.tolist()
        == tiny_keys(300)[expected].tolist()
    )


@pytest.mark.parametrize("sampler", MIXES)
def test_a_quiet_image_that_is_certain_is_left(sampler):
    probs = np.full((40, 3), 1 / 3)
    probs[:20] = [1, 0, 0]  # also: a zero has no entropy
    activations = np.ones((40, 4))
    activations[5] = 0
    chosen = choose(sampler(), 5, PROBS=probs, HIDDEN_ACTIVATIONS=activations)
    assert set(chosen.keys.tolist()) <= set(tiny_keys(40)[20:].tolist())


@pytest.mark.parametrize("sampler", MIXES)
def test_a_factor_of_one_is_plain_uncertainty(sampler):
    probs = np.random.default_rng(1).dirichlet(np.ones(2), 50)
    chosen = choose(sampler(factor=1), 6, PROBS=probs, HIDDEN_ACTIVATIONS=np.random.default_rng(2).random((50, 3)))
    assert set(chosen.keys.tolist()) == set(tiny_keys(50)[np.argsort(probs.max(axis=1))[:6]].tolist())
    with pytest.raises(BadParams, match="factor=0"):
        sampler(factor=0)


@pytest.mark.parametrize("sampler", ALL)
def test_nan_is_refused(sampler):
    activations = np.ones((9, 4))
    activations[2, 3] = np.nan
    with pytest.raises(UnmetNeed, match=r"scores of 1 of 9 images \(first: row 2\)"):
        choose(sampler(), 3, HIDDEN_ACTIVATIONS=activations, PROBS=np.full((9, 2), 0.5))
