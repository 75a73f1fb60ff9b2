"""Strategies of scikit-activeml keep the contract of samplers, and choose what they choose by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import skactiveml.pool
from alframe_skactiveml.estimators import Committee
from alframe_skactiveml.sampler import Skactiveml, strategy_names
from skactiveml.classifier import ParzenWindowClassifier

import alframe
from alframe.errors import BadParams, UnmetNeed
from alframe.kit.composite import build_part
from alframe.testing import SamplerSuite, tiny_view
from alframe.types import Need


class TestUncertaintySampling(SamplerSuite):
    needs_that_may_not_matter = SamplerSuite.needs_that_may_not_matter | {
        Need.FEATURES
    }  # they matter by way of the head

    def make(self) -> Skactiveml:
        return Skactiveml("UncertaintySampling", {"method": "margin_sampling"})

    def obvious_choice(self) -> None:
        """Return None: the suite's obvious images are set in arrays, and the strategy asks the head itself."""


class TestCoreSet(SamplerSuite):
    def make(self) -> Skactiveml:
        return Skactiveml("CoreSet")


class TestQueryByCommittee(SamplerSuite):
    needs_that_may_not_matter = SamplerSuite.needs_that_may_not_matter | {
        Need.FEATURES,
        Need.LABELLED_FEATURES,
        Need.LABELS,
    }

    def make(self) -> Skactiveml:
        return Skactiveml("QueryByCommittee")


@pytest.mark.parametrize("name", strategy_names())
def test_every_strategy_chooses(name: str) -> None:
    sampler = Skactiveml(name)
    view = tiny_view(sampler.needs, n=30)
    selection = sampler.select(view, 4, np.random.default_rng(0))
    assert len(set(selection.keys.tolist())) == 4 and set(selection.keys) <= set(view.keys)


def test_it_chooses_what_the_strategy_chooses_by_itself() -> None:
    sampler = Skactiveml("MonteCarloEER", {"method": "log_loss"}, classifier="ParzenWindowClassifier", rows=1000)
    view = tiny_view(sampler.needs, n=25, labelled=9)
    selection = sampler.select(view, 1, np.random.default_rng(0))
    y = np.concatenate([np.full(25, -1), view.labels])
    strategy = skactiveml.pool.MonteCarloEER("log_loss", missing_label=-1, random_state=0)
    clf = ParzenWindowClassifier(classes=[0, 1, 2], missing_label=-1)
    alone = strategy.query(np.concatenate([view.features, view.labelled_features]), y, clf)
    assert selection.keys.tolist() == view.keys[alone].tolist()


def test_the_margin_is_that_of_the_head() -> None:
    view = tiny_view({Need.FEATURES, Need.PREDICT}, n=40)
    selection = Skactiveml("UncertaintySampling", {"method": "margin_sampling"}).select(
        view, 40, np.random.default_rng(0)
    )
    probs = np.sort(view.predict(view.features), axis=1)
    assert selection.keys.tolist() == view.keys[np.argsort(probs[:, -1] - probs[:, -2])].tolist()
    assert selection.scores is not None


def test_only_a_sample_of_a_large_pool_is_looked_at() -> None:
    sampler = Skactiveml("CoreSet", rows=20)
    view = tiny_view(sampler.needs, n=500)
    chosen = [sampler.select(view, 5, np.random.default_rng(seed)).keys.tolist() for seed in range(2)]
    assert chosen[0] != chosen[1], "the farthest of all would be the same"
    assert len(sampler.select(view, 50, np.random.default_rng(0)).keys) == 50, "the sample is large enough for any k"


def test_wrong_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(BadParams, match="Did you mean 'ProbCover'"):
        Skactiveml("probcover")
    with pytest.raises(BadParams, match="Did you mean 'alpha'"):
        Skactiveml("ProbCover", {"alfa": 0.9})
    with pytest.raises(BadParams, match="Did you mean 'ParzenWindowClassifier'"):
        Skactiveml("FourDs", classifier="ParzenWindow")
    for other in ("GreedySamplingTarget", "SubSamplingWrapper"):
        with pytest.raises(BadParams, match="There is no strategy for classification"):
            Skactiveml(other)


def test_what_a_strategy_refuses_is_named_with_a_remedy() -> None:
    sampler = Skactiveml("FourDs", classifier="ParzenWindowClassifier")
    with pytest.raises(UnmetNeed, match=r"FourDs of scikit-activeml .* refuses: .* Set sampler\.classifier"):
        sampler.select(tiny_view(sampler.needs), 3, np.random.default_rng(0))


def test_draws_of_other_images_are_refused() -> None:
    x = np.zeros((3, 2), np.float32)
    committee = Committee(x, lambda: np.full((4, 3, 2), 0.5, np.float32), 2)
    assert committee.sample_proba(x).shape == (4, 3, 2)
    with pytest.raises(UnmetNeed, match="draws of other images"):
        committee.sample_proba(x + 1)


def test_it_can_be_chosen() -> None:
    config = alframe.compose("sampler=skactiveml", "sampler.strategy=ProbCover", "sampler.params.alpha=0.9")
    sampler = build_part("sampler", config.sampler)
    assert isinstance(sampler, Skactiveml) and sampler.params == {"alpha": 0.9}
