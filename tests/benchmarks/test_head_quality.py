"""The benchmark of heads: its splits, and that heads are compared on the same labels."""

from __future__ import annotations

import numpy as np

from benchmarks.head_quality import measure, split, summarise
from benchmarks.micro.heads import made_up


def test_pool_and_test_share_no_group_and_the_pool_has_a_long_tail() -> None:
    y, groups = np.arange(600) % 3, np.arange(600) // 4
    pool, test = split(y, groups, 1, np.random.default_rng(0))
    assert len(pool) + len(test) == 600 and not set(groups[pool]) & set(groups[test])
    tailed, same = split(y, groups, 25, np.random.default_rng(0))
    assert same.tolist() == test.tolist()
    sizes = np.sort(np.bincount(y[tailed]))[::-1]
    assert sizes.tolist() == [sizes[0], round(sizes[0] / 5), round(sizes[0] / 25)]


def test_heads_see_the_same_labels() -> None:
    x, y = made_up(300, 8, 0)
    runs = [measure(["linear", "auto", "linear"], x, y, np.arange(300), 40, 1, seed) for seed in range(2)]
    again = measure(["linear"], x, y, np.arange(300), 40, 1, 1)
    assert runs[1]["linear"]["accuracy"] == again["linear"]["accuracy"]
    found = summarise(runs)
    assert found["linear"]["gain"] == 0 == found["linear"]["half"]
    means = [np.mean([run[name]["accuracy"] for run in runs]) for name in ("auto", "linear")]
    assert abs(found["auto"]["gain"] - (means[0] - means[1])) < 1e-4
