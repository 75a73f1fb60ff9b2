"""Every built-in part is held to the suite of its kind."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import alframe.testing
from alframe.builtins import TABLE

TESTS = Path(__file__).parents[1]
FOLDERS = {kind: group.partition(".")[2] for kind, (group, _) in TABLE.items()}


def suites(kind: str) -> list[type[Any]]:
    """The subclasses of this kind's suite that pytest collects from the folder of its tests."""
    base = getattr(alframe.testing, "".join(word.capitalize() for word in kind.split("_")) + "Suite")
    modules = [import_module(file.stem) for file in (TESTS / FOLDERS[kind]).glob("test_*.py")]
    named = [value for module in modules for name, value in vars(module).items() if name.startswith("Test")]
    return [one for one in named if inspect.isclass(one) and issubclass(one, base) and one is not base]


def held(suite: type[Any]) -> set[str]:
    """The targets "module:attribute" that this suite is about; of tasks, the names."""
    if hasattr(suite, "overrides"):
        return {word.partition("=")[2] for word in suite().overrides(Path("images")) if word.startswith("task=")}
    made = suite.make
    if not inspect.isclass(made):
        made = get_type_hints(made).get("return")
    if made is None or getattr(made, "_is_protocol", False):
        made = type(suite().make())
    return {f"{made.__module__}:{made.__qualname__}"}


@pytest.mark.parametrize("kind", TABLE)
def test_every_part_is_held_to_the_suite(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TESTS / FOLDERS[kind])  # as pytest finds the modules, and they each other
    found = set[str]().union(*(held(suite) for suite in suites(kind)))
    missing = [name for name, target in TABLE[kind][1].items() if not {name, target} & found]
    assert not missing, f"no subclass of the suite of kind {kind} is about: {', '.join(missing)}"
