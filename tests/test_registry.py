"""Names, parameters and broken plugins."""

from __future__ import annotations

import inspect
import tomllib
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from alframe.builtins import BUILTIN_PARTS, MOVED, REGISTRIES, RENAMED, RENAMED_PARAMETERS
from alframe.errors import BadParams, BrokenPlugin, DuplicateComponent, UnknownComponent
from alframe.registry import RegisteredPart, Registry
from tests.each import check_each
from tools.plugin_requirements import plugin_folders

SAMPLERS = REGISTRIES["sampler"]


def registry(**targets: str) -> Registry:
    return Registry("sampler", "alframe.no_such_group", targets, "1.0")


def test_a_wrong_name_suggests_the_right_one() -> None:
    with pytest.raises(UnknownComponent, match=r"no sampler 'kcentre'. Did you mean 'kcenter'\?.*margin"):
        SAMPLERS.get("kcentre")


def test_a_wrong_parameter_names_the_accepted_ones() -> None:
    with pytest.raises(BadParams, match=r"'bald' has no parameter 'drws'. Did you mean 'draws'\?.*Accepted: draws"):
        SAMPLERS.build({"name": "bald", "drws": 3})


def test_a_broken_part_names_its_owner_and_costs_only_its_user() -> None:
    table = registry(good="fractions:Fraction", bad="no_such_module:X")
    with pytest.raises(BrokenPlugin, match=r"'bad' from alframe 1.0 \(no_such_module:X\).*ModuleNotFoundError"):
        table.build({"name": "bad"})
    assert table.build({"name": "good", "numerator": 3}) == 3


def test_two_owners_of_a_name_are_both_named_and_can_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    table = registry()
    twins = {
        "x": [RegisteredPart("x", "fractions:Fraction", "one", "1"), RegisteredPart("x", "decimal:Decimal", "two", "2")]
    }
    monkeypatch.setattr(table, "parts", lambda: twins)
    with pytest.raises(DuplicateComponent, match=r"one and two.*sampler.name=two:x"):
        table.get("x")
    assert table.get("two:x").owner == "two"


def test_old_names_of_a_part_and_its_parameters_are_answered_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    targets = {"fraction": "fractions:Fraction"}
    renamed, parameters = {"ratio": "fraction"}, {"fraction": {"top": "numerator"}}
    table = Registry("sampler", "alframe.no_such_group", targets, "1.0", renamed, parameters)
    assert table.get("ratio").name == "fraction"
    assert table.build({"name": "ratio", "top": 3, "denominator": 4}) == 0.75
    assert table.build({"name": "alframe:ratio", "numerator": 3}) == 3
    assert table.current_recipe({"name": "ratio", "top": 3}) == {"name": "fraction", "numerator": 3}
    assert [line.partition(" has been renamed: use")[0] for line in caplog.messages] == [
        "sampler=ratio",
        "sampler.top",
        "sampler=alframe:ratio",
    ], "once each"
    assert table.current_recipe({}) == {}
    with pytest.raises(UnknownComponent):
        table.get("somebody:ratio")


def test_a_part_that_is_now_in_a_plugin_says_what_to_install() -> None:
    for kind, names in MOVED.items():
        for name, distribution in names.items():
            with pytest.raises(UnknownComponent, match=f"^The {kind} '{name}' is in a .*: pip install {distribution}$"):
                REGISTRIES[kind].build({"name": name})
    with pytest.raises(UnknownComponent, match="pip install alframe-hdbscan"):
        SAMPLERS.get("alframe:glosh")
    for folder in plugin_folders():
        groups = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
        for kind, names in MOVED.items():
            wanted = {name for name, distribution in names.items() if distribution == folder.name}
            assert wanted <= groups.get(REGISTRIES[kind].group, {}).keys()


def test_a_plugin_may_take_an_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Registry("sampler", "alframe.no_such_group", {"good": "fractions:Fraction"}, "1.0", {"old": "good"})
    point = EntryPoint("old", "decimal:Decimal", "alframe.no_such_group")
    monkeypatch.setattr("alframe.registry._entry_points", lambda group, path: EntryPoints([point]))
    assert table.get("old").target == "decimal:Decimal"
    assert table.get("alframe:old").target == "fractions:Fraction"


def test_every_renamed_part_leads_to_one_there_is() -> None:
    for kind, names in RENAMED.items():
        assert set(names.values()) <= set(BUILTIN_PARTS[kind][1])
        assert not set(names) & set(BUILTIN_PARTS[kind][1])
    for kind, parts in RENAMED_PARAMETERS.items():
        for part, parameters in parts.items():
            accepted = set(inspect.signature(REGISTRIES[kind].get(part).load()).parameters)
            assert set(parameters.values()) <= accepted
            assert not set(parameters) & accepted


def test_installed_packages_are_read_once_and_again_for_a_name_that_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads, points = [], [EntryPoints()]
    monkeypatch.setattr("alframe.registry.entry_points", lambda group: reads.append(group) or points[-1])
    monkeypatch.syspath_prepend("elsewhere")  # another path is another set of packages
    table = registry(good="fractions:Fraction")
    for _ in range(3):
        table.get("good")
    assert len(reads) == 1
    points.append(EntryPoints([EntryPoint("new", "decimal:Decimal", "alframe.no_such_group")]))
    assert table.get("new").target == "decimal:Decimal"


def test_the_names_of_all_parts() -> None:
    """A snapshot: a name that vanishes breaks somebody's project."""
    names = {kind: sorted(table.builtins) for kind, table in REGISTRIES.items()}
    assert names == {
        "backbone": ["efficientnet_lite", "timm"],
        "loss": ["contrastive", "softmax", "triplet"],
        "head": ["auto", "calibrated", "ensemble", "knn", "laplace", "linear", "mlp", "prototype", "transductive"],
        "sampler": [
            "active_search",
            "active_transfer",
            "adaptive",
            "badge",
            "bald",
            "bandit",
            "batch_bald",
            "cluster_margin",
            "discriminative",
            "drop_query",
            "entropy",
            "entropy_mc",
            "galaxy",
            "graph_density",
            "hierarchical",
            "informative_diverse",
            "kcenter",
            "kmeans",
            "least_confidence",
            "least_confidence_mc",
            "margin",
            "margin_cluster_mean",
            "margin_mc",
            "maxherding",
            "mixture",
            "outliers_entropy",
            "outliers_least_confidence",
            "outliers_max",
            "outliers_mean",
            "over_shards",
            "power_bald",
            "probcover",
            "random",
            "ratio",
            "ratio_mc",
            "refine",
            "typiclust",
            "uherding",
            "uherding_bursts",
            "variation_ratios",
        ],
        "pool": ["arrays", "camera_trap_scenes", "camtrap_dp", "coco", "csv", "digits", "folder", "timelapse"],
        "label_source": ["csv", "folder", "simulated", "timelapse", "timelapse_set", "web"],
        "exporter": ["camtrap_dp", "folders", "model", "predictions", "recognition_json", "timelapse_csv"],
        "tracker": ["console", "jsonl"],
        "stopping": ["budget", "no_gain", "target", "target_accuracy"],
        "compute": ["local"],
        "task": [
            *("compare", "export", "label", "new_plugin", "predict"),
            *("recheck_labels", "report", "run", "status", "withdraw"),
        ],
    }


def test_every_built_in_can_be_imported() -> None:
    def check(kind: str, name: str) -> None:
        assert callable(REGISTRIES[kind].get(name).load())

    check_each([(kind, name) for kind, registry in REGISTRIES.items() for name in registry.builtins], check)
