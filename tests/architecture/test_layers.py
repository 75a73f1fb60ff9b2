"""The direction rules of docs/architecture.md, section 4, and what keeps the code readable."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

import alframe

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "alframe"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 300
# Path below alframe/ -> why it is longer.
REASONS: dict[str, str] = {}


def test_the_import_contracts_are_kept() -> None:
    # In a process of its own: it sets up logging for all that comes after it.
    call = "import sys, importlinter.cli as c; sys.exit(c.lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 4 kept, 0 broken." in done.stdout


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_file_is_short_or_has_a_reason(file: Path) -> None:
    name, length = file.relative_to(PACKAGE).as_posix(), len(file.read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST or REASONS.get(name), f"{name} has {length} lines: split it, or say why not"
    assert not (length <= LONGEST and name in REASONS), f"{name} is short now: take its reason away"


def test_files_are_small_on_the_whole() -> None:
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES]
    assert median(length for length in lengths if length > 1) <= 100


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_every_module_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def test_contracts_are_short() -> None:
    for file in (PACKAGE / "contracts").glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 60, file.name


@pytest.mark.parametrize("name", alframe.__all__)
def test_public_names_can_be_imported(name: str) -> None:
    assert getattr(alframe, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        alframe.nonsense  # noqa: B018


def test_importing_alframe_is_cheap() -> None:
    script = "import sys, alframe, alframe.contracts, alframe.builtins; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "alframe.contracts" in loaded
    heavy = {"torch", "hydra", "omegaconf", "timm", "faiss", "pandas", "sklearn", "scipy", "PIL", "matplotlib"}
    assert not heavy & set(loaded)


def test_plugins_are_not_a_package() -> None:
    assert not list((ROOT / "plugins").glob("__init__.py"))
