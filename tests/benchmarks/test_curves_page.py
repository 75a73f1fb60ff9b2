"""From results to judgements and to the page."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alframe.comparison.statistics import mean_interval
from benchmarks.curves.__main__ import RESULTS, newest
from benchmarks.curves.compare import Overall, first_batches, load, overall, rows
from benchmarks.curves.crops import crops_section
from benchmarks.curves.default import FIGURE, default_section, gain, text_of_default
from benchmarks.curves.needed import needed
from benchmarks.curves.page import PAGE, text_of, write_page
from benchmarks.curves.plan import Recipe
from benchmarks.curves.splits import correct_for_shared_images, table_of_splits
from benchmarks.machine import compact

DOCS = Path(__file__).parents[2] / "docs"
LABELS = [20, 30, 40]
SEEDS = 6


def curve(gain: float, seconds: float = 0.01, seed: int = 0, start: float = 0.0) -> dict[str, Any]:
    """Accuracies that rise by a tenth and by `gain` each round, with the seeds' own luck and a little of the run's."""
    luck = np.random.default_rng(1).normal(0, 0.03, (SEEDS, 1)) + np.random.default_rng(seed).normal(
        0, 0.002, (SEEDS, 3)
    )
    values = np.round(1e4 * (0.5 + start + luck + (0.1 + gain) * np.arange(3))).astype(int).tolist()
    return {"labels": LABELS, "accuracy": values, "macro_f1": values, "head": 0.1, "selection": seconds}


def image_set(pool: int) -> dict[str, Any]:
    longer = {**curve(0), "labels": [20, 60, 100]}
    return {
        "about": "made up",
        "pool": pool,
        "test": 100,
        "classes": 5,
        "batch": 10,
        "budget": 40,
        "ceilings": {"linear": {"labels": [pool], "accuracy": [[8000]], "macro_f1": [[8000]]}},
        "longer": {"linear": longer, "laplace": longer},
        "compared": {
            "random|linear|random": curve(0, seed=1),
            "margin|linear|random": curve(0.05, seed=2),
            "random|laplace|random": curve(0, seed=3),
            "margin|laplace|random": curve(0.05, seed=4),
            "good|linear|random": curve(0.1, seed=5),
            "bad|linear|random": curve(-0.05, seed=6),
            "dear|linear|random": curve(0.03, seconds=0.5, seed=7),
            "doubter|laplace|random": curve(0.03, seed=8),
            "margin|linear|typiclust": curve(0.05, seed=9, start=0.2),
        },
    }


@pytest.fixture
def result() -> dict[str, Any]:
    return {
        "machine": {"cpu": "A CPU", "cores": 2, "python": "3.11.7"},
        "setting": {"seeds": SEEDS, "workers": 2, "words": []},
        "absent": ["elsewhere"],
        "broken": {"glosh": "needs hdbscan\nmore"},
        "missing": ["one, compared, bald|laplace|random: seeds 3"],
        "sets": {"one": image_set(400), "two": image_set(4000)},
    }


def judged(result: dict[str, Any]) -> dict[str, Overall]:
    return {str(one.recipe): one for one in overall(load(result))}


def test_judgements_follow_from_the_rules(result: dict[str, Any]) -> None:
    table = judged(result)
    assert table["bad|linear|random"].verdict == (
        "worse than random choice on 2 of 2 sets",
        "not better than random choice on any set",
    )
    assert table["dear|linear|random"].verdict == ("not better than margin on any set, and takes 50 times as long",)
    (reason,) = table["doubter|laplace|random"].verdict
    assert reason.startswith("needs head=laplace, and is not better than margin with head=linear")
    for name in ("good|linear|random", "margin|laplace|random", "random|linear|random"):
        assert table[name].verdict == ()


def test_worse_on_one_set_alone_may_be_luck(result: dict[str, Any]) -> None:
    result["sets"]["two"]["compared"]["bad|linear|random"] = curve(0.05, seed=6)
    assert judged(result)["bad|linear|random"].verdict == ()


def test_gains_are_within_the_head_and_the_best_comes_first(result: dict[str, Any]) -> None:
    table = overall(load(result))
    assert table[0].recipe == Recipe("good")
    assert table[0].rank == 1
    assert table[-1].recipe == Recipe("bad")
    assert table[-1].beaten > 0.9
    doubter = judged(result)["doubter|laplace|random"]
    assert doubter.gains["one"].mean == pytest.approx(0.03, abs=0.003)  # a mean over labels: of 0, 3 and 6 points
    assert doubter.sure == {"one", "two"}
    assert judged(result)["random|laplace|random"].gains == {}


def test_a_row_says_what_the_curve_says(result: dict[str, Any]) -> None:
    good = next(row for row in rows(load(result)[0]) if row.recipe.sampler == "good")
    assert good.last.mean == pytest.approx(0.9, abs=0.02)
    assert good.reached == SEEDS
    assert good.labels == pytest.approx(33, abs=2)  # 95 % of 80 % are 76 %, after 70 % with 30 and 90 % with 40
    assert good.speed is not None
    # Random choice is at 70 % with 40 labels and in its longer runs with 100.
    assert good.speed.factor == float("inf")


def test_other_first_labels_are_compared_with_random_ones_and_nowhere_else(result: dict[str, Any]) -> None:
    found = first_batches(load(result))
    assert list(found) == [Recipe("margin", start="typiclust")]
    at_once, area = found[Recipe("margin", start="typiclust")]["one"]
    assert at_once.mean == pytest.approx(0.2, abs=0.005)
    assert area.mean == pytest.approx(0.2, abs=0.005)
    assert all(recipe.start == "random" for recipe in (one.recipe for one in overall(load(result))))


def test_the_page_says_what_is_not_there(result: dict[str, Any]) -> None:
    page = text_of(result, "x-curves.json")
    assert "- Not there: elsewhere." in page
    assert "- Not measured: `glosh` (needs hdbscan)" in page
    assert "- Not complete, and left out: one, compared, bald|laplace|random: seeds 3." in page
    assert "- `bad`: worse than random choice on 2 of 2 sets" in page
    assert page.index("## two") < page.index("## one")  # the largest first
    columns = {line.count("|") for line in page.split("## two")[1].split("## one")[0].splitlines() if "|" in line}
    assert columns == {12}


def test_a_recipe_that_is_missing_on_a_set_is_compared_on_the_others(result: dict[str, Any]) -> None:
    less = copy.deepcopy(result)
    del less["sets"]["one"]["compared"]["good|linear|random"]
    del less["sets"]["one"]["ceilings"]["linear"]
    table = judged(less)
    assert set(table["good|linear|random"].gains) == {"two"}
    assert "| `good` |" in text_of(less, "x-curves.json")


def test_results_are_one_line_a_seed_and_the_page_is_written_from_the_file(
    result: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "2026-01-01-x-curves.json"
    file.write_text(compact(result), encoding="utf-8")
    assert json.loads(file.read_text(encoding="utf-8")) == result
    assert "[20,30,40]" in file.read_text(encoding="utf-8")
    (tmp_path / "2025-12-31-x-curves.json").touch()
    assert newest(tmp_path) == file
    page = write_page(file, tmp_path / "docs")
    assert page.read_text(encoding="utf-8") == text_of(result, file.name)
    assert not (tmp_path / "docs" / FIGURE).exists(), "the default is not measured yet"


def test_the_page_in_docs_is_that_of_the_newest_results() -> None:
    file = newest(RESULTS)
    if file is None:
        pytest.skip("no results of this benchmark are kept yet")
    result = json.loads(file.read_text(encoding="utf-8"))
    page = (DOCS / PAGE).read_text(encoding="utf-8")
    default, _ = default_section(RESULTS)
    assert page == text_of(result, file.name, default, crops_section(RESULTS)), (
        "Write it anew: python -m benchmarks.curves --report"
    )
    figure = (DOCS / FIGURE).read_text(encoding="utf-8")
    assert all(f">{name}<" in figure for name in (*result["sets"], "uherding_bursts", "random"))


def test_the_defaults_are_judged_by_what_was_measured() -> None:
    """Gains pair the seeds that both have; a goal that random choice never reaches counts by its last labels."""

    def curves(values: list[float], seeds: int = 3, labels: Sequence[int] = (20, 100, 200)) -> dict[str, Any]:
        table = [[value + seed / 1000 for value in values] for seed in range(seeds)]
        shared = dict.fromkeys(("accuracy", "macro_f1", "calibration_error"), table)
        return {"labels": [*labels], "seeds": [*range(seeds)], "cpu_s": 0.1, **shared}

    ceiling = {"labels": [900], "seeds": [0], "accuracy": [[0.8]]}
    by = {
        **{"uherding_bursts:auto": curves([0.5, 0.78, 0.79]), "random:auto": curves([0.5, 0.6, 0.7])},
        **{"margin:auto": curves([0.6, 0.79, 0.8], seeds=2), "ceiling:auto": ceiling},
    }
    over = gain(by, "margin:auto")
    assert over is not None and over.mean == pytest.approx(-3) and over.is_below_zero
    ours, random = needed(by, "uherding_bursts:auto"), needed(by, "random:auto")
    assert ours is not None and random is not None and needed(by, "badge:auto") is None
    assert ours.labels < 100 and random.labels == float("inf") and str(random) == "more than 200 (3)"
    assert ours.is_at_most_half_of(random) and not random.is_at_most_half_of(ours)
    page = text_of_default({"sets": {"one": by}}, None, None, "x-strategies.json")
    assert "below 0 in 1: `margin:auto` on one" in page and "(2)" in page
    assert "the default reaches this goal on 1 of 1 sets: one." in page and "| below 0.47 |" in page
    traps = {**by, "uherding:auto": curves([0.5, 0.7, 0.79])}
    page = text_of_default({"sets": {"missouri-camtrap-bursts": traps}}, None, None, "x-strategies.json")
    assert "| missouri-camtrap-bursts | accuracy | `random:auto` | +0.0 | **+18.0** | **+9.0** |" in page
    assert "| over `uherding:auto` | **+4.0 [+4.0, +4.0] (3)** |" in page, "with bursts, these are two samplers"
    same = {"uherding:auto": traps["uherding:auto"], "random:auto": by["random:auto"]}
    assert "| `uherding_bursts:auto` | 68.2 |" in text_of_default({"sets": {"digits": same}}, None, None, "x.json")
    longer = {**by, "random:auto": curves([0.5, 0.6, 0.7, 0.8], labels=(20, 100, 200, 400))}
    page = text_of_default({"sets": {"cifar10-x": by}}, {"sets": {"cifar10-x": longer}}, None, "x-strategies.json")
    assert "| 318 (3) | 0.30 |" in page, "the labels that are needed are those of the longer runs"
    assert "| cifar10-x | 3 | +11.5 [+11.5, +11.5] | 0.250 | +9.0" in page, "the gain in macro-F1 on a long tail"


def test_splits_that_share_images_tell_less_than_as_many_sets_of_images() -> None:
    gains = np.array([1.0, 2.0, 3.0])
    shared = correct_for_shared_images(gains)
    alone = mean_interval(gains)
    assert shared.mean == alone.mean == 2
    assert (shared.high - 2) == pytest.approx((alone.high - 2) * np.sqrt(1 + 3 / 4))
    curves = {"labels": [20, 160, 200], "seeds": [0, 1, 2]}
    by = {
        "uherding_bursts:auto": {**curves, "accuracy": [[0.5, 0.7, 0.8]] * 3},
        "margin:auto": {**curves, "accuracy": [[0.5, 0.6, 0.8]] * 3},
    }
    table = table_of_splits({"one-drawn": by})
    assert "| one-drawn | 3 | `margin:auto` |" in table
    assert table.endswith("| +5.0 [+5.0, +5.0] |"), "the mean of +10 with 160 labels and 0 with 200"
    assert table_of_splits({}) == ""
