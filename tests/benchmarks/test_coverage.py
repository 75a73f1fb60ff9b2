"""The benchmark of the audit's intervals: a small one, and what it makes of its campaigns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.coverage.campaigns import Plan, play
from benchmarks.coverage.image_sets import digits_population, file_population, made_population
from benchmarks.coverage.summary import summarise
from benchmarks.coverage.table import table, table_by_drawn


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
    assert {drawn: each["looks"] for drawn, each in found["by_drawn"].items()} == {"5 to 9": 2, "10 to 19": 2}
    assert found["by_drawn"]["10 to 19"]["unlabelled"]["coverage"] == 100 * held
    assert table_by_drawn({"margin": found["by_drawn"]}).splitlines()[-1].startswith("| margin | 10 to 19 | ")


def test_no_sequence_is_cut_where_new_images_are_of_other_sequences(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sequence = np.repeat(np.arange(40), rng.integers(1, 9, 40)).astype(str)
    x, y = rng.random((len(sequence), 4), np.float32), rng.integers(0, 3, len(sequence))
    x[:, 0] = sequence.astype(np.float32)
    np.savez(tmp_path / "bursts.npz", x=x, y=y, sequence=sequence)
    whole = file_population(tmp_path / "bursts.npz", 0, whole_sequences=True).draw(100, np.random.default_rng(1))
    assert 90 < len(whole.x) <= 100 and len(whole.x) + len(whole.new_x) == len(x)
    assert not set(whole.x[:, 0]) & set(whole.new_x[:, 0])
    alone = ~np.isin(whole.x[:, 0], whole.x[whole.sequences >= 0, 0])
    assert (np.unique(whole.x[alone, 0], return_counts=True)[1] == 1).all(), "an image alone has no sequence"
    cut = file_population(tmp_path / "bursts.npz", 2).draw(100, np.random.default_rng(1))
    assert len(cut.x) == 100 and cut.x.shape[1] == 2


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "margin"])
def test_the_intervals_hold_the_truth_in_whole_campaigns(sampler: str) -> None:
    plan = Plan(sampler, head="prototype", pool=600, batch=20, rounds=6)
    found = summarise([list(play(digits_population(), plan, seed, every=3)) for seed in range(120)])
    for name in ("unlabelled", "whole_pool", "new"):
        assert found[name]["coverage"] >= 90, name
        assert abs(found[name]["bias"]) < 3, name
    assert found["unlabelled"]["always_wrong"] <= 3
