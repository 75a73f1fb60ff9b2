"""Which runs are one strategy, what each is compared with, and which runs only show a ceiling or a longer baseline."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alframe.comparison.ranks import rank_strategies
from alframe.comparison.runs import Run
from alframe.comparison.strategies import group_runs
from alframe.comparison.tables import goals_table, means_table, pairs_table, speed_up_table, summary_table
from tests.comparison.made_up import made_up_run

LUCK = (0.0, 0.01, -0.02)


def curves(sampler: str, gain: float, **choices: object) -> list[object]:
    return [
        made_up_run(sampler, seed, [0.5 + luck, 0.6 + gain + luck, 0.7 + gain + luck * (1 + gain)], **choices)
        for seed, luck in enumerate(LUCK)
    ]


def test_each_strategy_is_compared_with_the_baseline_that_has_its_other_choices() -> None:
    runs = [run for head in ("linear", "mlp") for name in ("random", "margin") for run in curves(name, 0.0, head=head)]
    (data,) = group_runs(runs, "random")
    assert list(data.strategies) == ["random head=linear", "margin head=linear", "random head=mlp", "margin head=mlp"]
    assert data.baselines == {"margin head=linear": "random head=linear", "margin head=mlp": "random head=mlp"}
    (data,) = group_runs(runs, "margin head=linear")
    assert set(data.baselines.values()) == {"margin head=linear"}, "a strategy by its name is for all"
    assert group_runs(curves("margin", 0.1), "random")[0].baselines == {}


def test_other_images_are_another_data_set() -> None:
    runs = [*curves("margin", 0.1, pool="digits"), *curves("margin", 0.1, pool="folder", **{"pool.root": "/a/b"})]
    assert [data.name for data in group_runs(runs, "random")] == ["digits", "folder"]


def test_areas_are_paired_by_seed_and_over_the_labels_of_all() -> None:
    longer = [made_up_run("entropy", seed, [0.5, 0.6, 0.7, 0.9], (20, 30, 40, 50)) for seed in range(3)]
    (data,) = group_runs([*curves("random", 0.0), *curves("margin", 0.1), *longer], "random")
    assert data.span == (20, 40)
    assert any("numbers of labels that all of them have" in note for note in data.notes)
    table = summary_table(data, "accuracy").set_index("strategy")
    assert table.loc["entropy", "area"] == pytest.approx((0.5 + 2 * 0.6 + 0.7) / 4)
    gains = [0.075 + 0.025 * luck * 0.1 * 10 for luck in LUCK]  # by hand: (2 x 0.1 + 0.1 + 0.1 luck) / 4
    assert table.loc["margin", "gain"] == pytest.approx(np.mean(gains))
    assert math.isnan(table.loc["random", "gain"])
    assert len(pairs_table(data, "accuracy")) == 3


def test_the_bounds_of_a_share_are_between_0_and_1() -> None:
    runs = [made_up_run("margin", seed, [0.6, last], (20, 30)) for seed, last in enumerate((1.0, 1.0, 0.9))]
    (data,) = group_runs([*curves("random", 0.0), *runs], "random")
    assert summary_table(data, "accuracy").set_index("strategy").loc["margin", "last_high"] == 1
    assert means_table(data, ["accuracy"])["mean_high"].max() == 1


def test_a_run_on_the_whole_pool_is_a_ceiling_and_no_strategy() -> None:
    full = made_up_run("random", 0, [0.8], (120,), unlabelled=0, **{"start.labels": 1000})
    other_head = made_up_run("random", 0, [0.9], (120,), unlabelled=0, head="mlp")
    (data,) = group_runs([*curves("random", 0.0), *curves("margin", 0.1), full, other_head], "random")
    assert list(data.strategies) == ["random", "margin"]
    assert data.ceiling("margin", "accuracy") == {0: 0.8, 1: 0.8, 2: 0.8}, "the one with the same head, for all seeds"
    table = goals_table(data, "accuracy", [0.65]).set_index(["strategy", "goal"])
    assert table.loc[("margin", "ceiling"), "value"] == pytest.approx(0.76)
    assert table.loc[("margin", "0.65"), "labels"] == pytest.approx(27.5)
    assert table.loc[("random", "0.65"), "labels"] == pytest.approx(35)
    assert table.loc[("margin", "0.65"), "saved"] == pytest.approx(1 - 27.5 / 35)
    assert math.isinf(table.loc[("random", "ceiling"), "labels"])
    assert math.isnan(table.loc[("margin", "ceiling"), "saved"]), "nobody knows how many the baseline needs"


def test_a_baseline_that_goes_on_shows_a_speed_up() -> None:
    more = {"batch": 40, "stopping": "budget", "stopping.labels": 160}
    fewer = {"batch": 10, "stopping": "budget", "stopping.labels": 40}
    longer = [made_up_run("random", seed, [0.5 + luck, 0.8 + luck], (20, 80), **more) for seed, luck in enumerate(LUCK)]
    short = [*curves("random", 0.0, **fewer), *curves("margin", 0.1, **fewer)]
    (alone,) = group_runs(short, "random")
    table = speed_up_table(alone, "accuracy").set_index("labels")
    assert table.loc[30, "factor"] == pytest.approx(40 / 30)
    assert math.isinf(table.loc[40, "factor"])
    (data,) = group_runs([*short, *longer], "random")
    assert list(data.strategies) == ["random", "margin"]
    table = speed_up_table(data, "accuracy").set_index("labels")
    assert table.loc[40, "factor"] == pytest.approx(80 / 40, abs=0.02)
    assert table.loc[40, "saved"] == pytest.approx(40, abs=1)


def test_images_in_folders_of_one_name_are_data_sets_by_their_content() -> None:
    def runs(root: str, images: str, seeds: range) -> list[Run]:
        made = [
            made_up_run(sampler, seed, (0.5, 0.6, 0.7), pool="folder", **{"pool.root": root})
            for sampler in ("random", "margin")
            for seed in seeds
        ]
        return [replace(run, images_digest=images, folder=Path(root) / run.folder) for run in made]

    here, there = runs("/a/images", "serengeti", range(2)), runs("/b/images", "serengeti", range(2, 4))
    (data,) = group_runs([*here, *there], "random")
    assert data.name == "pool.root=images" and len(data.strategies["margin"].runs) == 4, "on two computers"
    others = runs("/c/images", "caltech", range(2))
    sets = group_runs([*here, *there, *others], "random")
    assert [data.name for data in sets] == ["pool.root=/a/images", "pool.root=/c/images"]
    assert not any(note for data in sets for note in data.notes)
    elsewhere = runs("/a/images", "caltech", range(2))
    assert [data.name for data in group_runs([*here, *elsewhere], "random")] == ["folder", "folder (2)"]


def test_what_cannot_be_compared_is_left_out_or_has_no_area() -> None:
    random = [made_up_run("random", seed, (0.5, 0.6, 0.7)) for seed in range(3)]
    apart = [made_up_run("margin", seed, (0.5, 0.6, 0.7)) for seed in (7, 8)]
    assert rank_strategies(group_runs([*random, *apart], "random"), "accuracy") is None
    uneven = [made_up_run("margin", seed, (0.5, 0.6), labels=(20 + seed, 30 + seed)) for seed in range(3)]
    (data,) = group_runs([*random, *uneven], "random")
    assert [*data.strategies] == ["random"] and "so it is left out" in data.notes[0]
    later = [made_up_run("margin", seed, (0.5, 0.6), labels=(50, 60)) for seed in range(3)]
    (data,) = group_runs([*random, *later], "random")
    assert summary_table(data, "accuracy")["area"].isna().all() and "there are no areas" in data.notes[-1]


def test_gaps_are_named() -> None:
    margin = curves("margin", 0.1)
    short = made_up_run("margin", 2, [0.5, 0.6], (20, 30))
    (data,) = group_runs([*curves("random", 0.0), *margin[:2], short], "random")
    assert "margin: not all of its seeds were measured at 1 of 3 numbers of labels." in data.notes
    (data,) = group_runs([*curves("random", 0.0), *margin[:2]], "random")
    assert "margin: no run with seed 2." in data.notes
    (data,) = group_runs([*curves("random", 0.0), *curves("margin", 0.1), margin[0]], "random")
    assert any("differ only in their folder" in note for note in data.notes)
    strange = [made_up_run("margin", 0, [0.5, 0.6, 0.7], items="others")]
    (data,) = group_runs([*curves("random", 0.0), *strange], "random")
    assert any("Seed 0: not all strategies have the same pool and test images" in note for note in data.notes)
