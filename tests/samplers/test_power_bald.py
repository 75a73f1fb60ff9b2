"""PowerBALD."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.samplers.bald import Bald, mutual_information
from alframe.samplers.power_bald import PowerBald
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_view
from alframe.types import Need, PoolView


class TestPowerBald(SamplerSuite):
    make = PowerBald


def test_it_draws_in_proportion_to_the_power_of_bald():
    """Against the definition: one after the other without replacement, by all ordered pairs."""
    fields = tiny_fields({Need.PROB_SAMPLES}, n=4, draws=5, seed=3)
    view = PoolView(np.arange(4), fields)
    weight = mutual_information(fields[Need.PROB_SAMPLES]).astype(np.float64) ** 2
    times = 4000
    rng = np.random.default_rng(0)
    drawn = [tuple(PowerBald(power=2).select(view, 2, rng).keys.tolist()) for _ in range(times)]
    for first, second in permutations(range(4), 2):
        chance = weight[first] / weight.sum() * weight[second] / (weight.sum() - weight[first])
        assert drawn.count((first, second)) / times == pytest.approx(chance, abs=4 * np.sqrt(chance / times) + 1e-3)


def test_a_large_power_is_bald_and_none_is_chance():
    view = tiny_view({Need.PROB_SAMPLES}, n=40, draws=6)
    chosen = PowerBald(power=1e6).select(view, 9, np.random.default_rng(1))
    assert chosen.keys.tolist() == Bald().select(view, 9, np.random.default_rng(0)).keys.tolist()
    places = {id_: row for row, id_ in enumerate(view.keys.tolist())}
    any_ = [PowerBald(power=0).select(view, 1, np.random.default_rng(seed)).keys[0] for seed in range(600)]
    assert 17 < np.mean([places[id_] for id_ in any_]) < 22, "the mean row of a fair draw is 19.5"


def test_images_that_tell_nothing_come_last_and_in_any_order():
    samples = np.full((4, 30, 3), 1 / 3, np.float32)
    samples[:, 20] = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    view = PoolView(np.arange(30), {Need.PROB_SAMPLES: samples})
    chosen = [PowerBald().select(view, 30, np.random.default_rng(seed)) for seed in range(2)]
    assert [one.keys[0] for one in chosen] == [20, 20]
    assert chosen[0].keys.tolist() != chosen[1].keys.tolist()
    assert np.isfinite(chosen[0].scores).all()


@pytest.mark.parametrize("bad", [{"power": -1}, {"power": float("nan")}, {"power": float("inf")}, {"draws": 1}])
def test_parameters_that_cannot_be(bad):
    with pytest.raises(BadParams, match=f"power_bald.*{next(iter(bad))}"):
        PowerBald(**bad)
