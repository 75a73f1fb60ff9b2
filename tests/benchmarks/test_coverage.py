"""The benchmark of the audit's intervals: a small one, and what it makes of its campaigns."""

from __future__ import annotations

import pytest

from benchmarks.coverage.campaigns import Plan, play
from benchmarks.coverage.image_sets import digits_population, made_population
from benchmarks.coverage.summary import summarise
from benchmarks.coverage.table import table


def test_a_campaign_knows_the_truth_of_each_look() -> None:
    plan = Plan("margin", head="prototype", pool=200, rounds=4)
    (first, last) = play(made_population(8), plan, seed=0, every=2)
    assert (first.labels, last.labels) == (40, 80)
    assert last.audit.evaluation.n == 16
    unlabelled = last.audit.unlabelled
    assert unlabelled is not None and unlabelled.images == 120
    assert abs(last.whole_pool - (80 + 120 * last.unlabelled) / 200) < 1e-9
    found = summarise([[first, last], [first, last]])
    assert (found["campaigns"], found["looks"], found["labels"]) == (2, 2, 80)
    held = unlabelled.low <= last.unlabelled <= unlabelled.high
    assert found["unlabelled"]["coverage"] == 100 * held
    row = table({"margin": found}).splitlines()[-1]
    assert row.startswith("| margin | ") and row.count("|") == 9


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "margin"])
def test_the_intervals_hold_the_truth_in_whole_campaigns(sampler: str) -> None:
    plan = Plan(sampler, head="prototype", pool=600, batch=20, rounds=6)
    found = summarise([list(play(digits_population(), plan, seed, every=3)) for seed in range(120)])
    for name in ("unlabelled", "whole_pool", "new"):
        assert found[name]["coverage"] >= 90, name
        assert abs(found[name]["bias"]) < 3, name
    assert found["unlabelled"]["always_wrong"] <= 3
