"""Variation ratios."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.variation_ratios import VariationRatios, variation_ratio
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_keys, tiny_view
from alframe.types import Need, PoolView


class TestVariationRatios(SamplerSuite):
    make = VariationRatios


@pytest.mark.parametrize(("draws", "classes"), [(7, 3), (3, 7), (10, 10)])
def test_by_counting_votes(draws, classes):
    samples = np.random.default_rng(draws).dirichlet(np.ones(classes), (draws, 40)).astype(np.float32)
    expected = []
    for row in range(40):
        votes = Counter(max(range(classes), key=lambda c: samples[t, row, c]) for t in range(draws))
        expected.append(1 - votes.most_common(1)[0][1] / draws)
    np.testing.assert_allclose(variation_ratio(samples), expected, rtol=1e-6)
    chosen = VariationRatios().select(
        PoolView(np.arange(40), {Need.PROB_SAMPLES: samples}), 40, np.random.default_rng(0)
    )
    np.testing.assert_allclose(chosen.scores, sorted(expected, reverse=True), rtol=1e-6)


def test_votes_count_and_not_how_sure_they_are():
    nearly = [[0.51, 0.49]] * 4  # in doubt, and all for the same
    split = [[0.99, 0.01], [0.99, 0.01], [0.01, 0.99], [0.01, 0.99]]
    samples = np.array([nearly, split], np.float32).transpose(1, 0, 2)
    view = PoolView(np.arange(2), {Need.PROB_SAMPLES: samples})
    chosen = VariationRatios().select(view, 2, np.random.default_rng(0))
    assert chosen.keys.tolist() == [1, 0]
    np.testing.assert_allclose(chosen.scores, [0.5, 0])


def test_ties_do_not_go_to_the_first_rows():
    samples = np.random.default_rng(0).dirichlet(np.ones(2), (2, 1000)).astype(np.float32)
    view = PoolView(np.arange(1000), {Need.PROB_SAMPLES: samples})
    means = [VariationRatios().select(view, 10, np.random.default_rng(seed)).keys.mean() for seed in range(40)]
    assert 400 < np.mean(means) < 600


def test_large_pools_go_through_in_parts(monkeypatch):
    view = tiny_view({Need.PROB_SAMPLES}, n=50, draws=4)
    whole = VariationRatios().select(view, 50, np.random.default_rng(0))
    monkeypatch.setattr("alframe.chunks.ROWS", 7)
    assert VariationRatios().select(view, 50, np.random.default_rng(0)).keys.tolist() == whole.keys.tolist()


def test_a_vote_for_nan_is_refused_with_the_count():
    fields = tiny_fields({Need.PROB_SAMPLES})
    fields[Need.PROB_SAMPLES][1, 6, 2] = np.nan
    with pytest.raises(UnmetNeed, match=r"1 of 20 images \(first: row 6\)"):
        VariationRatios().select(PoolView(tiny_keys(20), fields), 3, np.random.default_rng(0))


def test_one_draw_cannot_disagree():
    with pytest.raises(BadParams, match="draws=1"):
        VariationRatios(draws=1)
