"""A loop of one's own: ask and tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import alframe as al
from alframe.builtins import REGISTRIES
from alframe.errors import BadParams, UnmetNeed
from alframe.types import Need

N = 90
y = np.array(["ape", "bat", "cat"])[np.arange(N) % 3]
x = (np.random.default_rng(0).normal(size=(N, 5)) + 4 * np.eye(3, 5)[np.arange(N) % 3]).astype(np.float32)


def run(campaign: al.Campaign, rounds: int = 4, k: int = 10) -> list[int]:
    asked = []
    for _ in range(rounds):
        chosen = campaign.ask(k)
        campaign.tell(chosen.keys, y[chosen.rows])
        asked += chosen.keys.tolist()
    return asked


def test_a_loop_asks_for_each_row_once_and_learns() -> None:
    campaign = al.Campaign(x, seed=1)
    asked = run(campaign)
    assert len(set(asked)) == len(asked) == 40 == len(campaign.labels)
    assert campaign.labels == {key: y[key] for key in asked}
    assert campaign.classes == ("ape", "bat", "cat")
    rest = np.setdiff1d(np.arange(N), asked)
    evaluation = campaign.evaluate(x[rest], y[rest])
    assert evaluation.n == 50 and evaluation.accuracy > 0.9
    assert campaign.predict_probs().shape == (N, 3)
    assert run(al.Campaign(x, seed=1)) == asked, "the same seed and answers give the same choices"
    assert run(al.Campaign(x, seed=2)) != asked


def test_the_first_batches_are_the_start_samplers() -> None:
    campaign = al.Campaign(x, sampler="margin", start_sampler="kmeans")
    assert campaign.ask(6).keys.tolist() == al.Campaign(x, sampler="entropy").ask(6).keys.tolist()
    with pytest.raises(UnmetNeed, match="labels of two classes: there are none"):
        campaign.fit_head()


def test_the_scores_are_those_of_the_head() -> None:
    campaign = al.Campaign(x, sampler="least_confidence", head="linear")
    run(campaign, 2)
    head = campaign.fit_head()
    chosen = campaign.ask(5)
    np.testing.assert_allclose(chosen.scores, 1 - head.probs(x[chosen.rows]).max(axis=1), atol=1e-6)


def test_text_keys_and_mappings() -> None:
    frame = pd.DataFrame(x, index=[f"img{row}.jpg" for row in range(N)])
    campaign = al.Campaign(frame, sampler="kcenter")
    chosen = campaign.ask(4)
    assert set(chosen.keys) <= set(frame.index)
    campaign.tell({key: y[row] for key, row in zip(chosen.keys, chosen.rows, strict=True)})
    campaign.tell(["img7.jpg"], ["dog"])  # not asked for
    assert campaign.labels["img7.jpg"] == "dog" and len(campaign.labels) == 5


def test_a_later_label_counts_and_what_nobody_can_tell_is_not_asked_again() -> None:
    campaign = al.Campaign(x[:30], sampler="margin")
    first = campaign.ask(10)
    assert campaign.pending.tolist() == first.keys.tolist()
    campaign.tell(first.keys, [None, *y[first.rows[1:]]])
    assert not len(campaign.pending) and len(campaign.labels) == 9
    campaign.tell(first.keys[1:2], ["dog"])
    assert campaign.labels[first.keys[1]] == "dog"
    rest = campaign.ask(100)
    assert sorted([*first.keys, *rest.keys]) == list(range(30))
    with pytest.raises(BadParams, match=r"No row is left to request\. 20 were requested without an answer"):
        campaign.ask(1)
    campaign.tell(rest.keys, y[rest.rows])
    with pytest.raises(BadParams, match="All have a label"):
        campaign.ask(1)


def test_only_candidates_are_asked_for() -> None:
    assert set(al.Campaign(x, candidates=range(10, 20)).ask(10).keys) == set(range(10, 20))


@pytest.mark.parametrize("name", ["bandit", "adaptive", "mixture", "active_transfer"])
def test_samplers_that_learn_from_earlier_batches(name: str) -> None:
    assert len(set(run(al.Campaign(x, sampler=name, per_sequence=None)))) == 40


def test_earlier_batches_have_the_error_rate_of_the_head() -> None:
    class Noting:
        needs = frozenset({Need.BATCH_ERROR_RATES, Need.PROBS})

        def __init__(self) -> None:
            self.seen: list[list[float]] = []

        def select(self, view, k, rng):
            self.seen.append(view.batch_error_rates.tolist())
            return REGISTRIES["sampler"].build({"name": "random"}).select(view, k, rng)

    sampler = Noting()
    campaign = al.Campaign(x, sampler=sampler)
    run(campaign, 2)
    head, chosen = campaign.fit_head(), campaign.ask(10)
    predicted = np.array(campaign.classes)[head.probs(x[chosen.rows]).argmax(axis=1)]
    told = np.where(np.arange(10) < 3, "dog", predicted)
    campaign.tell(chosen.keys, told)
    campaign.ask(5)
    assert sampler.seen[0] == [] and sampler.seen[-1][-1] == pytest.approx(0.3)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UnmetNeed, match="start_sampler='margin' needs a model"):
        al.Campaign(x, start_sampler="margin")
    with pytest.raises(UnmetNeed, match="head=laplace"):
        al.Campaign(x, sampler="bald", head="linear")
    campaign = al.Campaign(x)
    with pytest.raises(BadParams, match="there are 1 for 2 keys"):
        campaign.tell([1, 2], ["ape"])
    campaign.tell([1, 2], ["ape", "bat"])
    with pytest.raises(BadParams, match="several types: int, str"):
        campaign.tell([3], [4])
    assert campaign.labels == {1: "ape", 2: "bat"}, "a refused answer changes nothing"
    with pytest.raises(BadParams, match="a row has 2 numbers, and the rows of the pool have"):
        campaign.evaluate(x[:3, :2], ["ape", "bat", "bat"])
