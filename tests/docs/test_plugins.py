"""docs/plugins.md names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import alframe.testing
from alframe import contracts
from alframe.builtins import BUILTIN_PARTS
from alframe.tasks.new_plugin import TEMPLATE_KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")


def test_every_optional_ability_is_explained() -> None:
    abilities = {name for name, value in vars(contracts).items() if getattr(value, "_is_runtime_protocol", False)}
    assert abilities == set(re.findall(r"^\| [\w ()]+ \| `(\w+)` \| `", PAGE, re.MULTILINE))


def test_every_kind_has_its_row() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| `([\w.]+)` \|.*\| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert {kind: group for kind, group, _ in rows} == {kind: group for kind, (group, _) in BUILTIN_PARTS.items()}
    suites = {name for name in alframe.testing.__all__ if name.endswith("Suite")}
    assert {suite for _, _, suite in rows} | {"ClusterComputeSuite"} == suites
    assert [suite for suite in suites if f"| `{suite}` | " not in PAGE] == [], "say what it checks"


def test_the_kinds_that_new_plugin_knows() -> None:
    assert set(TEMPLATE_KINDS) == set(BUILTIN_PARTS)
    kinds = ", ".join(TEMPLATE_KINDS)
    assert f"The kinds are {kinds}." in PAGE
