"""What more labels would bring: held against curves that are known, and against those of the benchmark."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alframe.engine.measuring.forecast import (
    MAX_INTERVAL_WIDTH,
    MAX_LABELS_FACTOR,
    describe_forecast,
    forecast_or_reason,
    weight_curves,
)
from alframe.testing.records import evaluation, round_record
from alframe.types import CROSS_VALIDATION_BASIS, RoundRecord

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def curve(labels: np.ndarray, best: float = 0.93, power: float = 0.6) -> np.ndarray:
    return best - (best - 0.3) * (20 / labels) ** power


def history(labels: np.ndarray, accuracies: np.ndarray, n: int = 400) -> list[RoundRecord]:
    return [
        replace(
            round_record(number, labels=count),
            evaluation=replace(evaluation(0.5, "held-out images", n), accuracy=share),
        )
        for number, (count, share) in enumerate(zip(labels.tolist(), accuracies.tolist(), strict=True))
    ]


def test_the_interval_holds_what_is_measured_later() -> None:
    labels, rng, held = np.arange(20, 201, 20), np.random.default_rng(0), []
    for _ in range(60):
        best, power = rng.uniform(0.7, 1), rng.uniform(0.3, 1)
        # The same test images each time: what they have in common moves the whole curve.
        offset, noise = rng.normal(0, 0.015), rng.normal(0, 0.008, len(labels) + 1)
        measured = curve(np.append(labels, 400), best, power) + offset + noise
        low, _, high = weight_curves(labels.astype(float), measured[:-1], 400).measured_interval_at(400)
        held.append(low <= measured[-1] <= high)
    assert np.mean(held) >= 0.93


def test_a_steep_curve_goes_on_and_a_flat_one_does_not() -> None:
    labels = np.arange(20, 201, 20)
    steep, flat = (forecast_or_reason(history(labels, curve(labels, power=power))) for power in (0.5, 3.0))
    assert not isinstance(steep, str) and not isinstance(flat, str)
    assert steep.more == flat.more == 200
    assert steep.then - steep.now > 0.04
    assert abs(steep.then - curve(np.array([400]), power=0.5)[0]) < 0.02
    assert abs(flat.then - flat.now) < 0.01
    assert steep.more_labels_to_near_best is None, "nobody can tell where a curve ends that still rises"
    assert flat.more_labels_to_near_best == (0, 0)
    text = describe_forecast(flat)
    assert text.startswith("With 200 more labels, the accuracy would be about 9") and "at least 95 %" in text


def test_the_labels_to_near_the_best_are_counted_where_they_can_be_told() -> None:
    labels, rng, held = np.arange(20, 201, 20), np.random.default_rng(1), []
    for _ in range(80):
        best, power = rng.uniform(0.7, 1), rng.uniform(0.6, 2)
        measured = curve(labels, best, power) + rng.normal(0, 0.008, len(labels))
        found = weight_curves(labels.astype(float), measured, 400).more_labels_to_near_best()
        true = max(0, 20 * ((best - 0.3) / (0.05 * best)) ** (1 / power) - 200)
        if found is not None:
            assert 0 <= found[0] <= found[1] <= (MAX_LABELS_FACTOR - 1) * 200
            held.append(found[0] <= true <= found[1])
    assert len(held) > 30 and np.mean(held) >= 0.9


def test_it_says_why_it_says_nothing() -> None:
    labels = np.arange(20, 121, 20)
    assert "needs 6 rounds with an accuracy" in str(forecast_or_reason([]))
    assert "needs 6 rounds with an accuracy" in str(forecast_or_reason(history(labels[:5], curve(labels[:5]))))
    narrow = np.arange(100, 112, 2)
    assert "2 times the labels of the first" in str(forecast_or_reason(history(narrow, curve(narrow))))
    wild = np.array([0.2, 0.8, 0.3, 0.7, 0.2, 0.9])
    assert "may be anything" in str(forecast_or_reason(history(labels, wild, n=30)))
    hard = [replace(one, evaluation=evaluation(0.5, CROSS_VALIDATION_BASIS)) for one in history(labels, wild)]
    assert "chosen because they are hard" in str(forecast_or_reason(hard))


def test_held_out_images_go_before_the_audit() -> None:
    labels = np.arange(20, 201, 20)
    rounds = [
        replace(one, audit=evaluation(0.1, "images drawn at random from the pool", 50))
        for one in history(labels, curve(labels, power=3.0))
    ]
    found = forecast_or_reason(rounds)
    assert not isinstance(found, str) and found.basis == "held-out images"
    drawn = forecast_or_reason([replace(one, evaluation=None) for one in rounds])
    assert not isinstance(drawn, str) and drawn.basis == "images drawn at random from the pool"


def test_only_rounds_that_were_measured_on_the_same_kind_of_images_count() -> None:
    labels = np.arange(20, 161, 20)
    rounds = history(labels, curve(labels))
    other = [replace(one, evaluation=replace(one.evaluation, basis="other images")) for one in rounds[:3]]
    assert isinstance(forecast_or_reason([*other, *rounds[3:]]), str), "five are left"


@pytest.mark.slow
def test_it_holds_for_the_curves_of_the_benchmark() -> None:
    """The table of docs/stopping.md: the accuracy at up to twice the labels, each on the same test images."""
    file = RESULTS / "2026-11-28-x86_64-curves.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not in this copy")
    held, near = [], []
    for images in json.loads(file.read_text(encoding="utf-8"))["sets"].values():
        ceiling = np.mean(images["ceilings"]["linear"]["accuracy"])
        for recipe, runs in {"longer": images["longer"]["linear"], **images["compared"]}.items():
            if recipe.partition("|")[0] not in ("longer", "random", "margin", "adaptive"):
                continue
            labels, accuracies = np.array(runs["labels"], float), np.array(runs["accuracy"]) / 1e4
            reached = labels[np.flatnonzero(accuracies.mean(axis=0) >= 0.95 * ceiling / 1e4)]
            for measured in accuracies[::3]:
                for points in range(6, len(labels)):
                    later = np.flatnonzero((labels > 1.2 * labels[points - 1]) & (labels <= 2 * labels[points - 1]))
                    if labels[points - 1] < 2 * labels[0] or not len(later):
                        continue
                    curves = weight_curves(labels[:points], measured[:points], images["test"])
                    low, _, high = curves.measured_interval_at(labels[later[-1]])
                    if high - low <= MAX_INTERVAL_WIDTH:
                        held.append(low <= measured[later[-1]] <= high)
                    if recipe == "longer" and (found := curves.more_labels_to_near_best()):
                        step = labels[1] - labels[0]  # the truth lies between two points
                        true = max(0, reached[0] - labels[points - 1]) if len(reached) else np.inf
                        near.append(found[0] <= true and true - step <= found[1])
    assert len(held) > 400 and np.mean(held) >= 0.93
    assert len(near) > 20 and np.mean(near) >= 0.9
