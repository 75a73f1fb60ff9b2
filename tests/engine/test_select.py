"""A sampler's choice is checked, and spread over sequences."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from alframe.engine.select import MAX_DEVIATION_RATIO, draw_audit, run_sampler, select_with_sequence_limit
from alframe.errors import BadSelection
from alframe.samplers.kcenter import KCenter
from alframe.samplers.mixture import Mixture
from alframe.samplers.uncertainty import Margin
from alframe.types import Need, PoolView, Selection


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def view(n: int = 12) -> PoolView:
    """The first rows are the most uncertain."""
    top = np.linspace(0.5, 0.99, n)
    return PoolView(np.arange(100, 100 + n), {Need.PROBS: np.stack([top, 1 - top], 1).astype(np.float32)})


class Wrong:
    """Chooses what it is told to."""

    needs = frozenset[Need]()

    def __init__(self, *keys: int, scores: int | None = None, answer: Any = None) -> None:
        self.answer = Selection(np.array(keys), None if scores is None else np.zeros(scores, np.float32))
        if not keys:
            self.answer = answer

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        return self.answer


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Wrong(100), "1 items instead of 2"),
        (Wrong(100, 100), "twice"),
        (Wrong(100, 5), "not in the pool"),
        (Wrong(100, 101, scores=1), "1 scores .* for 2"),
        (Wrong(), r"returned None \(NoneType\), not an alframe.types.Selection"),
        (Wrong(answer=[100, 101]), r"returned \[100, 101\] \(list\)"),
        (Wrong(answer=Selection(None)), "keys .*object"),
        (Wrong(answer=Selection(np.array([[100, 101]]))), r"shape \(1, 2\)"),
        (Wrong(answer=Selection(np.array([100.0, 101.0]))), "type float64"),
        (Wrong(answer=Selection(["a", "b"])), "type <U1"),
        (Wrong(answer=Selection(np.array([100, 101]), np.array([1, np.nan]))), "not finite .*nan"),
        (Wrong(answer=Selection(np.array([100, 101]), ["x", "y"])), "no array of numbers"),
        (Wrong(answer=Selection(np.array([100, 101]), np.zeros((2, 1)))), r"shape \(2, 1\)"),
    ],
)
def test_a_sampler_that_breaks_its_contract_is_named(sampler: Wrong, message: str) -> None:
    with pytest.raises(BadSelection, match=f"Wrong .*{message}"):
        run_sampler(sampler, view(), 2, rng())
    owned = "sampler 'wrong' (alframe-wrong 0.3)"
    with pytest.raises(BadSelection, match=rf"^{re.escape(owned)} .*{message}"):
        select_with_sequence_limit(sampler, view(), np.zeros(12, np.int64), 2, 1, rng(), owned)


@pytest.mark.parametrize(("k", "asked"), [(-1, 0), (0, 0), (5, 5), (12, 12), (99, 12)])
def test_a_sampler_is_never_asked_for_more_than_it_is_shown(k: int, asked: int) -> None:
    class Exact:
        needs = frozenset[Need]()

        def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
            assert k == asked
            return Selection(view.keys[:k])

    assert len(run_sampler(Exact(), view(), k, rng()).keys) == asked


def test_one_of_each_burst_the_most_uncertain_first() -> None:
    groups = np.repeat(np.arange(4), 3)
    chosen = select_with_sequence_limit(Margin(), view(), groups, 3, 1, rng())
    assert chosen.keys.tolist() == [100, 103, 106]
    assert chosen.scores is not None
    assert (np.diff(chosen.scores) < 0).all()


def test_images_without_a_burst_are_not_held_back() -> None:
    groups = np.array([-1] * 5 + [0] * 7)
    assert select_with_sequence_limit(Margin(), view(), groups, 6, 1, rng()).keys.tolist() == [
        100,
        101,
        102,
        103,
        104,
        105,
    ]


def test_when_every_burst_is_used_up_the_best_of_the_rest_fill_the_batch() -> None:
    groups = np.repeat(np.arange(3), 4)
    chosen = select_with_sequence_limit(Margin(), view(), groups, 5, 1, rng()).keys.tolist()
    assert chosen == [100, 104, 108, 101, 102]


def test_two_a_burst_and_no_limit() -> None:
    groups = np.repeat(np.arange(3), 4)
    assert select_with_sequence_limit(Margin(), view(), groups, 4, 2, rng()).keys.tolist() == [100, 101, 104, 105]
    assert select_with_sequence_limit(Margin(), view(), groups, 4, None, rng()).keys.tolist() == [100, 101, 102, 103]


def test_the_whole_pool_when_more_is_asked_for() -> None:
    groups = np.repeat(np.arange(3), 4)
    assert sorted(select_with_sequence_limit(Margin(), view(), groups, 99, 1, rng()).keys.tolist()) == list(
        range(100, 112)
    )


def test_a_sampler_without_scores() -> None:
    x = rng().normal(size=(12, 3)).astype(np.float32)
    fields = {Need.FEATURES: x, Need.LABELLED_FEATURES: x[:1]}
    chosen = select_with_sequence_limit(
        KCenter(), PoolView(np.arange(12), fields), np.repeat(np.arange(4), 3), 4, 1, rng()
    )
    assert sorted(chosen.keys // 3) == [0, 1, 2, 3]


def test_in_later_turns_a_sampler_in_another_one_sees_what_was_chosen() -> None:
    """Also beside one that reads the labels, which the chosen images do not have."""
    x = np.array([[0, 0], [9, 0], [9, 0.1], [0, 8], [0, 8.1], [5, 5]], np.float32)
    fields = {
        Need.FEATURES: x,
        Need.LABELLED_FEATURES: x[:1],
        Need.LABELS: np.array([0]),
        Need.PROBS: np.full((6, 2), 0.5, np.float32),
    }
    groups = np.array([0, 1, 1, 1, 2, 3])  # the farthest three are (9, 0.1), (0, 8.1) and (5, 5): two are of one group
    mixture = Mixture({"kcenter": 1, "adaptive": 0.0})
    assert mixture.needs == KCenter().needs
    both = Mixture({"kcenter": 1, "adaptive": 1e-9})
    for sampler in (mixture, both):
        chosen = select_with_sequence_limit(sampler, PoolView(np.arange(6), fields), groups, 3, 1, rng())
        assert sorted(chosen.keys.tolist()) == [2, 4, 5]


@pytest.mark.parametrize("shape", ["spread", "sure", "one doubtful", "all alike"])
@pytest.mark.parametrize("times", [MAX_DEVIATION_RATIO, 30])
def test_an_audit_by_confidence_takes_one_image_of_each_stratum(shape: str, times: float) -> None:
    count = 10
    n = int(times * count)
    confidence = {
        "spread": rng().random(n),
        "sure": np.ones(n),
        "one doubtful": np.append(np.full(n - 1, 0.9999), 0.5),
        "all alike": np.full(n, 0.5),
    }[shape].astype(np.float32)
    keys = rng().permutation(3 * n)[:n]
    drawn = draw_audit(keys, 10 * count, 0.1, rng(), confidence)
    assert len(drawn.keys) == count == len(set(drawn.strata[drawn.keys].tolist()))
    assert np.flatnonzero(drawn.strata).tolist() == sorted(keys)
    assert np.unique(drawn.strata[keys]).tolist() == list(range(1, count + 1))


def test_strata_of_doubtful_images_are_smaller_and_every_image_can_be_drawn() -> None:
    confidence = np.append(np.full(800, 0.99), np.full(200, 0.5)).astype(np.float32)
    drawn = [draw_audit(np.arange(1000), 100, 0.1, np.random.default_rng(seed), confidence) for seed in range(400)]
    sizes = np.bincount(drawn[0].strata)[1:]
    assert sizes[0] < 0.6 * sizes[-1], "the doubtful images come first"
    times = np.bincount(np.concatenate([one.keys for one in drawn]), minlength=1000)
    expected = 400 / sizes[drawn[0].strata - 1]
    assert abs(times - expected).max() < 5 * np.sqrt(expected.max())
    assert ((times[:800].mean() / expected[:800].mean()) - 1) < 0.02


def test_too_few_images_for_strata_are_drawn_alike() -> None:
    drawn = draw_audit(np.arange(30), 10, 1.0, rng(), np.linspace(0, 1, 30, dtype=np.float32))
    assert len(drawn.keys) == 10 and drawn.strata.tolist() == [1] * 30
