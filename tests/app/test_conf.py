"""Every YAML file composes, and what it names can be built from it without touching a file, the network or a device."""

from __future__ import annotations

import gc
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from alframe.app.api import compose
from alframe.app.conf_folders import conf_root
from alframe.app.schema import SCHEMA
from alframe.builtins import KINDS, REGISTRIES
from tests.each import check_each

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
SEVERAL = ("exporter", "tracker")  # kinds of which several can be chosen at once
# What nobody can default; any value will do to build the part.
REQUIRED = {
    ("pool", "folder"): ["pool.root=nowhere"],
    ("pool", "csv"): ["pool.file=nowhere.csv"],
    ("pool", "arrays"): ["pool.file=nowhere.npz"],
}
PAGES = {kind: f"{kind}s.md" for kind in (*KINDS, "experiment")} | {
    "loss": "losses.md",
    "stopping": "stopping.md",
    "compute": "compute.md",
}


def files(*kinds: str) -> list[tuple[str, str]]:
    return [(kind, file.stem) for kind in kinds for file in sorted((CONF / kind).glob("*.yaml"))]


def recipe(config: DictConfig, kind: str, name: str) -> dict[str, Any]:
    node = config[kind][name] if kind in SEVERAL else config[kind]
    return OmegaConf.to_container(node, resolve=True)


def rows(choices: list[tuple[str, str]]) -> list[tuple[tuple[str, str], ...]]:
    """The choices in as few rows as can be, each with one of a kind at most: composing takes its time."""
    by_kind = [list(group) for _, group in groupby(choices, lambda choice: choice[0])]
    return [tuple(filter(None, row)) for row in zip_longest(*by_kind)]


def written(kind: str, name: str) -> Mapping[str, Any]:
    """What a YAML file says, with what it inherits."""
    recipe = yaml.safe_load((CONF / kind / f"{name}.yaml").read_text(encoding="utf-8"))
    inherited, _ = recipe.pop("defaults", [None, "_self_"])
    return {**written(kind, inherited), **recipe} if inherited else recipe


def parameters(kind: str, name: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(REGISTRIES[kind].get(name).load()).parameters


_touched: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _touched is not None and event.partition(".")[0] in ("open", "os", "socket", "sqlite3", "subprocess", "shutil"):
        _touched.append(f"{event} {arguments}")


sys.addaudithook(_watch)  # cannot be taken away again; idle unless somebody is watching


@contextmanager
def nothing_touched() -> Iterator[None]:
    global _touched
    gc.disable()  # finalizers of other tests' objects close files and unlink them
    _touched = []
    try:
        yield
    finally:
        touched, _touched = _touched, None
        gc.enable()
    assert not touched, f"a constructor only stores its parameters: {touched}"


def test_the_source_tree_is_found_from_an_editable_install() -> None:
    assert conf_root() == CONF.as_posix()


def test_every_yaml_composes_and_builds_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def check_row(*choices: tuple[str, str]) -> None:
        words = [word for kind, name in choices for word in (f"{kind}={name}", *REQUIRED.get((kind, name), []))]
        config = compose(*words)
        check_each(choices, lambda kind, name: check(kind, recipe(config, kind, name)))

    def check(kind: str, params: dict[str, Any]) -> None:
        factory = REGISTRIES[kind].get(params["name"]).load()
        REGISTRIES[kind].build(params)  # binds them to the signature; and what it imports is imported now
        params.pop("name")
        with nothing_touched():
            factory(**params)
        assert not list(tmp_path.iterdir())
        torch = sys.modules.get("torch")
        assert torch is None or not torch.cuda.is_initialized()

    check_each(rows(files(*KINDS)), check_row)


def test_every_registered_name_has_a_yaml_of_its_own() -> None:
    def check(kind: str) -> None:
        names = {name for name, parts in REGISTRIES[kind].parts().items() if parts[0].owner == "alframe"}
        assert names == {written(kind, stem)["name"] for _, stem in files(kind)}
        assert names <= {stem for _, stem in files(kind)}

    check_each([(kind,) for kind in KINDS], check)


def test_every_parameter_is_in_the_yaml_with_the_constructors_default() -> None:
    def check(kind: str, name: str) -> None:
        params = dict(written(kind, name))
        registered = params.pop("name")
        accepted = parameters(kind, registered)
        assert list(params) == list(accepted), "the same parameters, in the same order"
        if name != registered:
            return  # a ready-made choice, whose point is to differ
        given = {key: param.default for key, param in accepted.items() if param.default is not inspect.Parameter.empty}
        as_yaml = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
        as_yaml = {key: value for key, value in as_yaml.items() if params[key] != "${seed}"}  # the campaign's
        assert {key: params[key] for key in as_yaml} == as_yaml

    check_each(files(*KINDS), check)


def test_files_of_which_several_compose_say_where_they_go() -> None:
    def check(kind: str, name: str) -> None:
        first = (CONF / kind / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
        assert first == f"# @package {kind}.{name}"

    check_each(files(*SEVERAL), check)


def test_every_yaml_has_a_heading_in_the_docs() -> None:
    def check(kind: str, name: str) -> None:
        page = (ROOT / "docs" / PAGES[kind]).read_text(encoding="utf-8")
        assert re.search(rf"^## {re.escape(name)}$", page, re.MULTILINE), f"docs/{PAGES[kind]} lacks '## {name}'"

    check_each(files(*KINDS, "experiment"), check)


def test_no_heading_is_left_of_what_is_gone() -> None:
    def check(kind: str) -> None:
        page = (ROOT / "docs" / PAGES[kind]).read_text(encoding="utf-8")
        # Names are written as in the YAML; other headings are sentences.
        headings = set(re.findall(r"^## ([a-z0-9_]+)$", page, re.MULTILINE))
        assert headings <= {stem for _, stem in files(kind)}

    check_each([(kind,) for kind in KINDS], check)


def test_every_setting_is_a_default_with_a_comment() -> None:
    lines = (CONF / "config.yaml").read_text(encoding="utf-8").splitlines()
    settings = {field.name for field in fields(SCHEMA)} - set(KINDS)
    for name in settings:
        (line,) = (line for line in lines if line.startswith(f"{name}:"))
        below = lines[lines.index(line) + 1]
        assert "#" in line or "#" in below, f"config.yaml: {name} lacks a comment"


def test_the_defaults() -> None:
    """A simulated campaign that runs offline on a fresh machine."""
    config = compose()
    kinds = ("pool", "backbone", "sampler", "label_source", "stopping", "task")
    assert [config[kind].name for kind in kinds] == [
        "digits",
        "efficientnet_lite",
        "uherding_bursts",
        "simulated",
        "budget",
        "run",
    ]
    assert list(config.exporter) == ["predictions", "model"]
    assert list(config.tracker) == ["console", "jsonl"]


def test_one_exporter_alone() -> None:
    assert list(compose("exporter=predictions").exporter) == ["predictions"]


def test_one_tracker_in_a_list() -> None:
    assert list(compose("tracker=[console]").tracker) == ["console"]


def test_a_parameter_of_one_exporter_among_several() -> None:
    config = compose("exporter.predictions.parquet=false")
    assert config.exporter.predictions.parquet is False
    assert list(config.exporter) == ["predictions", "model"]


def test_none_of_a_kind() -> None:
    for kind in ("stopping", *SEVERAL):
        assert compose(f"{kind}=null")[kind] is None


def test_an_experiment_wins_over_the_defaults_and_the_command_line_over_it() -> None:
    config = compose("experiment=camera_trap_classic", "batch=7")
    assert config.backbone.model == "resnet18"
    assert config.backbone.dim == 256
    assert (config.loss.name, config.head.name, config.sampler.name) == ("triplet", "mlp", "margin")
    assert (config.finetune.start, config.finetune.every) == (0, 2000)
    assert config.finetune.first.epochs == 5
    assert config.batch == 7
    assert compose("experiment=camera_trap_classic").batch == 100
    assert compose("experiment=camera_trap_classic", "sampler=entropy").sampler.name == "entropy"


def test_every_experiment_builds_all_its_parts() -> None:
    def check(group: str, name: str) -> None:
        config = compose(f"{group}={name}")
        for kind in KINDS:
            if config[kind] is None:  # an experiment may choose none of a kind
                continue
            for part in config[kind] if kind in SEVERAL else [""]:
                assert REGISTRIES[kind].build(recipe(config, kind, part))

    check_each(files("experiment"), check)
