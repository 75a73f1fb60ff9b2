"""What is planned, and a small benchmark from the sweeps to the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.builtins import REGISTRIES
from benchmarks.curves.__main__ import main
from benchmarks.curves.plan import FIRST, START, ImageSet, Recipe, Sweep, find_recipes, find_sets, plan
from benchmarks.curves.sweeps import gather

TINY = ["backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"]
IMAGES = ImageSet("some", "some images", ("pool=digits",), own_split=True, size=728)


def test_every_sampler_is_there_with_a_head_that_gives_what_it_needs() -> None:
    recipes, broken = find_recipes()
    assert {one.sampler for one in recipes} | {*broken} == {*REGISTRIES["sampler"].parts()}
    assert not broken
    assert {Recipe("bald", "laplace"), Recipe("outliers_max", "mlp"), Recipe("badge")} <= {*recipes}
    for head in ("linear", "laplace", "mlp"):
        assert {Recipe("random", head), Recipe("margin", head)} <= {*recipes}
    assert len(recipes) == len({*recipes})


def test_a_sampler_that_is_not_there_is_named_with_the_reason() -> None:
    recipes, broken = find_recipes(["marginn"])
    assert recipes == []
    assert "Did you mean 'margin'?" in broken["marginn"]


def test_budget_and_batch_follow_from_the_pool() -> None:
    assert (IMAGES.budget, IMAGES.batch) == (72, 5)
    assert ImageSet("x", "", (), True, size=415).batch == 2
    assert ImageSet("x", "", (), True, size=6000).batch == 58


def test_each_recipe_has_each_seed_once(tmp_path: Path) -> None:
    recipes = [
        Recipe("random"),
        Recipe("margin"),
        Recipe("typiclust"),
        Recipe(START),
        Recipe("random", "mlp"),
        Recipe("margin", "mlp"),
    ]
    sweeps = plan(IMAGES, recipes, seeds=5, parts=2)
    runs = [(one.kind, recipe, seed) for one in sweeps for recipe in one.recipes for seed in one.seeds]
    assert len(runs) == len({*runs})
    started = [Recipe(name, start=START) for name in ("random", "margin", "typiclust")]
    wanted = {("compared", recipe, seed) for recipe in (*recipes, *started) for seed in range(5)}
    wanted |= {("longer", Recipe("random", head), seed) for head in ("linear", "mlp") for seed in range(5)}
    wanted |= {("ceiling", Recipe("random", head), 0) for head in ("linear", "mlp")}
    assert {*runs} == wanted
    assert len({one.name for one in sweeps}) == len(sweeps)
    for one in sweeps:  # as Hydra multiplies the words out
        words = dict(word.split("=", 1) for word in one.words(tmp_path))
        product = 1
        for key in ("sampler", "head", "start.sampler"):
            product *= len(words[key].split(","))
        assert product == len(one.recipes)


def test_sets_that_are_not_there_are_named(tmp_path: Path) -> None:
    there, absent = find_sets([], tmp_path / "nowhere", tmp_path, rounds=10)
    assert [one.name for one in there] == ["digits"]
    assert there[0].size == 1438
    assert absent == ["cifar10-imbalanced", "caltech101-animals", "missouri-camtrap-frames", "missouri-camtrap-bursts"]


def test_the_sets_have_their_own_test_images(shared_data: Path, tmp_path: Path) -> None:
    names = ["caltech101-animals", "missouri-camtrap-frames", "missouri-camtrap-bursts"]
    there, absent = find_sets(names, shared_data, tmp_path, rounds=10)
    assert absent == []
    assert {one.name: one.size for one in there} == dict(zip(names, (728, 481, 415), strict=True))


def test_runs_that_are_not_there_are_named_and_their_recipe_is_left_out(tmp_path: Path) -> None:
    found, missing = gather([Sweep("compared", IMAGES, (Recipe("margin"),), (0, 1))], tmp_path)
    assert missing == ["some, compared, margin|linear|random: seeds 0, 1"]
    assert found["compared"] == {}


@pytest.mark.slow
def test_a_small_benchmark_and_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    runs, out = tmp_path / "runs", tmp_path / "x-curves.json"
    words = ["--runs", str(runs), "--out", str(out), "--sets", "digits", "--samplers", "random,margin"]
    words += ["--seeds", "2", "--rounds", "2", "--workers", "2", *TINY]
    main(words)
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["missing"] == []
    digits = result["sets"]["digits"]
    assert set(digits["compared"]) == {"random|linear|random", "margin|linear|random"}
    random, margin = digits["compared"].values()
    assert random["labels"][0] == margin["labels"][0] == FIRST
    assert random["labels"][-1] == margin["labels"][-1] == digits["budget"] == 143
    assert [row[0] for row in random["accuracy"]] == [row[0] for row in margin["accuracy"]]  # the same first labels
    assert random["accuracy"] != margin["accuracy"]
    assert digits["ceilings"]["linear"]["labels"][0] > 1400
    assert digits["longer"]["linear"]["labels"][-1] == 4 * 143

    # Stopped in the middle: only what is missing is done again, and gives the same.
    ends = {file: file.stat().st_mtime_ns for file in runs.glob("*/done.json")}
    gone = next(file for file in ends if "margin-seed1" in str(file))
    for file in gone.parent.iterdir():
        if file.is_file():
            file.unlink()
    main(words)
    again = json.loads(out.read_text(encoding="utf-8"))
    assert {file for file in ends if file.stat().st_mtime_ns != ends[file]} == {gone}
    for recipe, measured in again["sets"]["digits"]["compared"].items():
        assert measured["accuracy"] == digits["compared"][recipe]["accuracy"]
