"""Experiments: each composes to a campaign whose parts can be built, and is listed and described."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.app.api import compose, open_session
from alframe.app.inspect import describe_plugins
from alframe.builtins import REGISTRIES
from benchmarks.curves.__main__ import RESULTS, newest
from benchmarks.curves.plan import Recipe
from tests.each import check_each

ROOT = Path(__file__).parents[2]
NAMES = sorted(file.stem for file in (ROOT / "conf" / "experiment").glob("*.yaml"))


def test_every_experiment_gives_parts_that_can_be_built(tmp_path: Path) -> None:
    def check(name: str) -> None:
        with open_session(f"experiment={name}", f"runs={tmp_path.as_posix()}", "backbone.pretrained=false") as session:
            for part in ("backbone", "loss", "sampler", "start_sampler", "pool", "stopping"):
                getattr(session.parts, part)
            session.parts.new_head()

    check_each([(name,) for name in NAMES], check)


def test_every_experiment_has_a_section_and_is_listed() -> None:
    text, listed = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8"), describe_plugins()
    for name in NAMES:
        assert f"\n## {name}\n" in text
        assert f"\n  {name} " in listed.partition("\nexperiment")[2]


@pytest.mark.parametrize("head", ["linear", "laplace", "mlp"])
def test_the_comparisons_of_the_docs_are_experiments(head: str) -> None:
    results = newest(RESULTS)
    assert results is not None
    digits = json.loads(results.read_text(encoding="utf-8"))["sets"]["digits"]
    recipes = [recipe for recipe in map(Recipe.parse, digits["compared"]) if recipe == Recipe(recipe.sampler, head)]
    config = compose(f"experiment=curves_{head}")
    text = (ROOT / "conf" / "experiment" / f"curves_{head}.yaml").read_text(encoding="utf-8")
    own = sorted(recipe.sampler for recipe in recipes if recipe.sampler in REGISTRIES["sampler"].builtins)
    assert f"sampler: {','.join(own)}\n" in text, "a plugin's samplers may not be there"
    assert (config.batch, config.stopping.labels, config.head.name) == (digits["batch"], digits["budget"], head)
    assert (config.start.labels, config.start.sampler, config.finetune.start) == (20, "random", None)
