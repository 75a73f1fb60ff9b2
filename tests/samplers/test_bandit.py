"""EXP3 by the book, remembering nothing itself."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.builtins import REGISTRIES
from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.bandit import Bandit
from alframe.samplers.kcenter import KCenter
from alframe.samplers.uncertainty import Margin
from alframe.seeding import generator
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_keys, tiny_view
from alframe.types import Need, PoolView


class TestBandit(SamplerSuite):
    def make(self):
        return Bandit(seed=0, samplers=["margin"])


class TestBanditOfTwo(SamplerSuite):
    def make(self):
        return Bandit(seed=0, samplers=["margin", "entropy"])


def textbook(batch_error_rates, seed, arms, gamma):
    """Figure 1 of Auer et al. 2002, with the weights themselves."""
    weights, pulled = [1.0] * arms, []
    for number in range(len(batch_error_rates) + 1):
        chances = [(1 - gamma) * w / sum(weights) + gamma / arms for w in weights]
        lot = generator(seed, "bandit", number).random()
        arm = next(i for i in range(arms) if lot < sum(chances[: i + 1]) or i == arms - 1)
        pulled.append(arm)
        if number < len(batch_error_rates):
            weights[arm] *= np.exp(gamma * (batch_error_rates[number] / chances[arm]) / arms)
    return pulled, chances


@pytest.mark.parametrize(("arms", "gamma"), [(1, 0.5), (2, 0.5), (3, 0.1), (4, 1.0)])
def test_it_is_the_textbook(arms, gamma):
    batch_error_rates = np.random.default_rng(arms).random(40).astype(np.float32)
    names = ["margin", "random", "entropy", "kcenter"][:arms]
    pulled, chances = Bandit(seed=7, samplers=names, gamma=gamma).replay_draws(batch_error_rates)
    expected, probabilities = textbook(batch_error_rates.tolist(), 7, arms, gamma)
    assert pulled == expected
    np.testing.assert_allclose(chances, probabilities, rtol=1e-6)


def test_the_past_is_the_same_in_every_round():
    """Nothing is kept: what a round derives of the earlier ones must be what they did."""
    bandit = Bandit(seed=3, samplers=["margin", "random", "entropy"])
    batch_error_rates = np.random.default_rng(0).random(30).astype(np.float32)
    whole = bandit.replay_draws(batch_error_rates)[0]
    for rounds in range(30):
        assert bandit.replay_draws(batch_error_rates[:rounds])[0] == whole[: rounds + 1]


def test_the_sampler_whose_batches_the_model_gets_wrong_wins():
    bandit = Bandit(seed=1, samplers=["margin", "random"], gamma=0.2)
    batch_error_rates = []
    for _ in range(150):
        arm = bandit.replay_draws(np.array(batch_error_rates, np.float32))[0][-1]
        batch_error_rates.append(0.8 if arm == 1 else 0.1)
    arms, chances = bandit.replay_draws(np.array(batch_error_rates, np.float32))
    assert chances[1] == pytest.approx(0.9, abs=0.01)
    assert np.mean(arms[-50:]) > 0.75


def test_the_ledger_says_who_chose():
    bandit = Bandit(seed=3, samplers=["margin", "random"], gamma=0.4)
    rates = np.array([0.9, 0.1, 0.5], np.float32)
    drawn = bandit.replay_draws(rates)[0]
    others = ["margin" if arm else "random" for arm in drawn[:3]]
    arms, _ = bandit.replay_draws(rates, others)
    assert arms[:3] == [1 - arm for arm in drawn[:3]]
    assert bandit.replay_draws(rates, ["", "", ""])[0] == drawn, "a ledger of an earlier version does not say it"
    assert bandit.replay_draws(rates, ["gone"] * 3)[1].tolist() == [0.5, 0.5], "a sampler that is no longer among them"


def test_thousands_of_rounds_do_not_overflow():
    chances = Bandit(seed=0, gamma=1.0).replay_draws(np.ones(3000, np.float32))[1]
    assert np.isfinite(chances).all() and chances.sum() == pytest.approx(1)


def test_it_chooses_what_the_drawn_sampler_chooses():
    needs = {Need.PROBS, Need.FEATURES, Need.LABELLED_FEATURES, Need.BATCH_ERROR_RATES, Need.CHOSEN_BY}
    seen = set()
    for seed in range(12):
        bandit = Bandit(seed=seed, samplers=["margin", "kcenter"])
        fields = tiny_fields(needs)
        view = PoolView(tiny_keys(20), fields)
        arm = bandit.replay_draws(view.batch_error_rates, view.chosen_by.tolist())[0][-1]
        member = [Margin, KCenter][arm]()
        expected = member.select(tiny_view(member.needs), 5, np.random.default_rng(0)).keys
        selection = bandit.select(view, 5, np.random.default_rng(0))
        assert selection.keys.tolist() == expected.tolist() and selection.chosen_by == ["margin", "kcenter"][arm]
        seen.add(arm)
    assert seen == {0, 1}


def test_its_name_is_enough():
    bandit = REGISTRIES["sampler"].build({"name": "bandit"})
    assert (bandit.samplers, bandit.seed) == (("margin", "random"), 0)


def test_its_needs_are_those_of_all_it_may_draw():
    assert Bandit(seed=0, samplers=["margin", "kcenter"]).needs == Margin.needs | KCenter.needs | {
        Need.BATCH_ERROR_RATES,
        Need.CHOSEN_BY,
    }
    assert Bandit(seed=0, samplers=["bald", "random"]).draws == 20
    assert Bandit(seed=0, samplers="margin").samplers == ("margin",), "one name, and not its letters"


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"samplers": []}, {"samplers": ["a", "a"]}, {"gamma": 0}])
def test_bad_parameters_are_refused(wrong):
    with pytest.raises(BadParams, match=f"sampler 'bandit': {next(iter(wrong))}="):
        Bandit(**{"seed": 0, **wrong})


def test_rewards_that_are_no_numbers_are_refused():
    fields = {
        Need.PROBS: tiny_fields({Need.PROBS})[Need.PROBS],
        Need.BATCH_ERROR_RATES: np.array([0.5, np.nan], np.float32),
        Need.CHOSEN_BY: np.array(["", ""]),
    }
    with pytest.raises(UnmetNeed, match="rewards of 1 of 2 batches"):
        Bandit(seed=0, samplers=["margin"]).select(PoolView(tiny_keys(20), fields), 3, np.random.default_rng(0))
