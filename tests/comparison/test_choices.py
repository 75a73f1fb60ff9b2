"""What a run was made with, and what varies between runs."""

from __future__ import annotations

from alframe.comparison.choices import choice_names, is_data_choice, run_choices, varying_choices
from alframe.settings import Settings, Start, settings_as_stored


def config(settings: Settings | None = None, **recipes: object) -> dict[str, object]:
    return {
        "settings": settings_as_stored(settings or Settings()),
        "recipes": {"tracker": {"jsonl": {"name": "jsonl"}}, **recipes},
    }


def test_choices_have_the_names_of_the_command_line() -> None:
    recipe = {"name": "mixture", "first": {"name": "margin", "rows": 5}, "share": 0.5}
    choices = run_choices(config(Settings(seed=3, start=Start(labels=7)), sampler=recipe))
    assert choices["sampler"] == "mixture"
    assert choices["sampler.share"] == 0.5
    assert (choices["sampler.first"], choices["sampler.first.rows"]) == ("margin", 5)
    assert (choices["start.labels"], choices["batch"], choices["holdout.fraction"]) == (7, 20, 0.2)
    assert choices["stopping"] is None
    assert not {"seed", "compare.sampler", "tracker", "compute"} & {*choices}


def test_a_setting_that_an_older_version_did_not_have_has_its_default() -> None:
    old, new = config(sampler={"name": "margin"}), config(sampler={"name": "margin"})
    del old["settings"]["reask"], old["settings"]["finetune"]["first"]["patience"]
    assert varying_choices([run_choices(old), run_choices(new)]) == []


def test_what_varies_is_named_and_a_parameter_that_follows_from_its_part_is_not() -> None:
    margin = {"sampler": "margin", "head": "linear", "batch": 10}
    clusters = {"sampler": "clusters", "sampler.size": 5, "head": "linear", "batch": 10}
    assert varying_choices([margin, clusters, margin]) == ["sampler"]
    assert varying_choices([margin, clusters, clusters | {"sampler.size": 7}]) == ["sampler", "sampler.size"]
    # A batch that differs together with the sampler is named: it may be what made the difference.
    assert varying_choices([margin, clusters | {"batch": 20}]) == ["sampler", "batch"]
    assert varying_choices([margin]) == []


def test_names_are_short() -> None:
    assert choice_names([{"head": "mlp", "sampler": "margin"}], bare_choice="sampler") == ["margin head=mlp"]
    assert choice_names([{"pool.root": "/data/season 1", "batch": None}]) == ["pool.root=season 1 batch=null"]
    two = [{"pool.root": "/serengeti/images"}, {"pool.root": "/caltech/images"}]
    assert choice_names([*two, *two]) == ["pool.root=/serengeti/images", "pool.root=/caltech/images"] * 2
    assert is_data_choice("pool.root") and is_data_choice("holdout.fraction") and not is_data_choice("sampler")
