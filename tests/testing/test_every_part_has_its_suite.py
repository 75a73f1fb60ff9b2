"""Every built-in part is held to the suite of its kind."""

from __future__ import annotations

import ast
import inspect
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import alframe.testing
from alframe.builtins import BUILTIN_PARTS

TESTS = Path(__file__).parents[1]
FOLDERS = {kind: group.partition(".")[2] for kind, (group, _) in BUILTIN_PARTS.items()}


def suites(kind: str) -> list[type[Any]]:
    """Return the subclasses of this kind's suite that pytest collects from the folder of its tests."""
    base = getattr(alframe.testing, "".join(word.capitalize() for word in kind.split("_")) + "Suite")
    modules = [import_module(file.stem) for file in (TESTS / FOLDERS[kind]).glob("test_*.py")]
    tests = [value for module in modules for name, value in vars(module).items() if name.startswith("Test")]
    return [test for test in tests if inspect.isclass(test) and issubclass(test, base) and test is not base]


def parts_of(suite: type[Any]) -> set[str]:
    """Return the targets "module:attribute" that this suite tests; of tasks, the names."""
    if hasattr(suite, "overrides"):
        return {text.partition("=")[2] for text in suite().overrides(Path("images")) if text.startswith("task=")}
    part = suite.make
    if isinstance(part, partial):
        part = part.func
    if not inspect.isclass(part):
        part = get_type_hints(part).get("return")
    if part is None or getattr(part, "_is_protocol", False):
        part = type(suite().make())
    return {f"{part.__module__}:{part.__qualname__}"}


@pytest.mark.parametrize("kind", BUILTIN_PARTS)
def test_every_part_is_held_to_the_suite(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TESTS / FOLDERS[kind])  # as pytest finds the modules, and they each other
    tested = set[str]().union(*(parts_of(suite) for suite in suites(kind)))
    missing = [name for name, target in BUILTIN_PARTS[kind][1].items() if not {name, target} & tested]
    assert not missing, f"no subclass of the suite of kind {kind} tests: {', '.join(missing)}"


def test_each_assertion_of_a_suite_says_what_is_wrong() -> None:
    silent = []
    for file in Path(alframe.testing.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_silent_assert = isinstance(node, ast.Assert) and node.msg is None
            is_comparison = isinstance(node, ast.Call) and ast.unparse(node.func).startswith("np.testing.")
            if is_silent_assert or (is_comparison and not _has_message(node)):
                silent.append(f"{file.name}, line {node.lineno}")
    assert not silent, f"a message must say what the part did and what is expected: {'; '.join(silent)}"


def _has_message(call: ast.AST) -> bool:
    assert isinstance(call, ast.Call)
    return len(call.args) > 2 or any(keyword.arg == "err_msg" for keyword in call.keywords)
