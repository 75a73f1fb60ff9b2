"""The direction rules of docs/architecture.md, section 4, and what keeps the code readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import pytest

import alframe

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "alframe"
TEXTS = {
    file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8") for file in sorted(PACKAGE.rglob("*.py"))
}
LENGTHS = {name: len(text.splitlines()) for name, text in TEXTS.items()}
LONGEST = 300
# Path below alframe/ -> why it is longer.
REASONS: dict[str, str] = {}
# What objects of Python's and other libraries have or not. What alframe's own parts can do is declared by Protocols.
FOREIGN_ATTRIBUTES = {
    *(
        "__init__",
        "__globals__",
        "__notes__",
        "reason",
        "errno",
        "strerror",
        "sqlite_errorcode",
        "st_birthtime",
        "st_file_attributes",
        "st_flags",
        "st_reparse_tag",
        "winerror",
    ),  # Python
    *("checkpoint_filter_fn", "pretrained_cfg", "patch_embed", "patch_size", "group_matcher"),  # timm
    "set_reentrant_ckpt",
    *("name", "shape", "item", "start_t", "get_num_gpus"),  # tifffile, h5py, numpy, tqdm, faiss
}


def test_the_import_contracts_are_kept() -> None:
    # In a process of its own: it sets up logging for all that comes after it.
    call = "import sys, importlinter.cli as c; sys.exit(c.lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 5 kept, 0 broken." in done.stdout


def test_there_are_files_to_check() -> None:
    assert len(TEXTS) > 200
    assert {"__init__.py", "samplers/uncertainty.py", "loop/round.py"} <= TEXTS.keys()


def test_a_file_is_short_or_has_a_reason() -> None:
    too_long = {name: length for name, length in LENGTHS.items() if length > LONGEST}
    assert not {name: length for name, length in too_long.items() if not REASONS.get(name)}, (
        "split them, or say why not"
    )
    assert not REASONS.keys() - too_long.keys(), "these are short now: take their reasons away"


def test_files_are_small_on_the_whole() -> None:
    assert median(length for length in LENGTHS.values() if length > 1) <= 90


def test_no_module_begins_with_an_underscore() -> None:
    assert not [name for name in TEXTS if re.search(r"(^|/)_(?!_(init|main)__\.py$)", name)]


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("alframe", exclude_type_checking_imports=True, cache_dir=None)
    assert len(graph.modules) > 200
    TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(text) for name, text in TEXTS.items()}


def test_every_module_says_what_it_is(trees: dict[str, ast.Module]) -> None:
    assert not [name for name, tree in trees.items() if not ast.get_docstring(tree)], "no docstring"


def test_abilities_are_declared_and_not_guessed(trees: dict[str, ast.Module]) -> None:
    """By a Protocol in alframe/contracts, for which isinstance is asked."""
    asked = {
        f"{name}:{node.lineno}: {node.func.id} {node.args[1].value!r}": node.args[1].value
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr")
        if isinstance(node.args[1], ast.Constant)
    }
    assert asked
    assert not [where for where, attribute in asked.items() if attribute not in FOREIGN_ATTRIBUTES]


def test_contracts_are_short() -> None:
    contracts = {name: length for name, length in LENGTHS.items() if name.startswith("contracts/")}
    assert contracts
    assert not {name: length for name, length in contracts.items() if length > 60}


def test_public_names_can_be_imported() -> None:
    assert alframe.__all__
    assert not [name for name in alframe.__all__ if getattr(alframe, name, None) is None]


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        alframe.nonsense  # noqa: B018 - it must raise


def test_importing_alframe_is_cheap() -> None:
    script = "import sys, alframe, alframe.contracts, alframe.builtins; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "alframe.contracts" in loaded
    heavy = {"torch", "hydra", "omegaconf", "timm", "faiss", "pandas", "sklearn", "scipy", "PIL", "matplotlib"}
    assert not heavy & set(loaded)


def test_test_files_without_a_package_have_names_of_their_own() -> None:
    # pytest imports such a file by its bare name, so a second one of that name is not collected.
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py") if not (file.parent / "__init__.py").exists()]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_plugins_are_not_a_package() -> None:
    assert not list((ROOT / "plugins").glob("__init__.py"))
