"""The benchmark of heads: its splits, and that heads are compared on the same labels."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine.measuring.evaluate import calibration_error
from benchmarks.head_quality import error_by_chance, measure, split, summarise
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
    assert runs[1]["linear"].measures["accuracy"] == again["linear"].measures["accuracy"]
    found = summarise(runs)
    confidence, right = (
        np.concatenate([getattr(run["auto"], part) for run in runs]) for part in ("confidence", "right")
    )
    assert found["auto"]["pooled_error"] == round(calibration_error(confidence, right), 4)
    assert right.mean() == pytest.approx(np.mean([run["auto"].measures["accuracy"] for run in runs]))
    assert found["linear"]["gain"] == 0 == found["linear"]["half"]
    means = [np.mean([run[name].measures["accuracy"] for run in runs]) for name in ("auto", "linear")]
    assert abs(found["auto"]["gain"] - (means[0] - means[1])) < 1e-4


def test_few_images_have_a_calibration_error_by_chance() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 4000).astype(np.float32)
    measured = [calibration_error(part, rng.random(100) < part) for part in np.split(confidence, 40)]
    few, all_images = (error_by_chance(part, np.arange(len(part)), rng) for part in (confidence[:100], confidence))
    assert abs(few - np.mean(measured)) < 0.02
    assert all_images < 0.025 < 0.08 < few
    assert error_by_chance(confidence, np.arange(4000) // 40, rng) > 2 * all_images, "images of one burst tell little"
