"""Every distribution in plugins/ is installed beside the built wheel of alframe, and runs its own tests there."""

from __future__ import annotations

import shutil
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.packaging.building import ROOT, build_once, install_into, run_command
from tests.public_imports import find_private_imports
from tools.plugin_requirements import is_heavy, plugin_folders, requirements

MAX_WAIT_SECONDS = 3000.0  # seconds for the tests of a plugin: only what hangs is given up, also on a busy machine
FILES = ("README.md", "CHANGELOG.md", "pyproject.toml", "src", "tests")


@pytest.fixture(params=plugin_folders(), ids=lambda folder: folder.name)
def plugin(request: pytest.FixtureRequest) -> Path:
    """The source of one distribution."""
    folder: Path = request.param
    return folder


@pytest.fixture
def installed(plugin: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders in which alframe and the distribution are installed. What it needs must be there already."""
    for needed in requirements(plugin):
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            pytest.skip(f"{plugin.name} needs {needed}: `make test{'-plugins' * is_heavy(plugin)}` installs it")
        assert needed.specifier.contains(found, prereleases=True), f"{plugin.name} needs {needed}, not {found}"

    def build(folder: Path) -> None:
        source = folder.with_name(f"{plugin.name}-source")  # building leaves nothing in the checkout
        shutil.copytree(plugin, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
        install_into(source, folder)

    return site, build_once(tmp_path_factory, plugin.name, build)


def test_it_is_a_whole_distribution(plugin: Path) -> None:
    missing = [name for name in FILES if not (plugin / name).exists()]
    assert not missing, f"{plugin.name} lacks {missing}"
    project = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == plugin.name
    assert any(text.startswith("alframe") for text in project["dependencies"]), "say which alframe it works with"
    assert project["license"] == "Apache-2.0" and project["readme"] == "README.md" and project["requires-python"]
    assert project["version"] in (plugin / "CHANGELOG.md").read_text(encoding="utf-8"), "what is new in this version?"


def test_it_imports_only_what_is_public(plugin: Path) -> None:
    for file in sorted([*plugin.glob("src/**/*.py"), *plugin.glob("tests/**/*.py")]):
        assert not find_private_imports(file.read_text(encoding="utf-8")), file.relative_to(ROOT)


def test_its_parts_load_compose_and_build(plugin: Path, installed: tuple[Path, Path], tmp_path: Path) -> None:
    text = run_command(sys.executable, "-m", "alframe", "plugins", "--check", plugin.name, cwd=tmp_path, path=installed)
    assert f"({plugin.name} " in text and "BROKEN" not in text, text


def test_its_own_tests_pass(plugin: Path, installed: tuple[Path, Path], tmp_path: Path) -> None:
    site, _ = installed
    where = run_command(sys.executable, "-c", "import alframe; print(alframe.__file__)", cwd=tmp_path, path=installed)
    assert Path(where.strip()).parent == site / "alframe", "another alframe is tested than the built wheel"
    output = run_tests_of(plugin, "not slow", tmp_path, installed)
    assert " passed" in output and "error" not in output, output


@pytest.mark.slow
def test_its_slow_tests_pass(plugin: Path, installed: tuple[Path, Path], tmp_path: Path) -> None:
    if not any("mark.slow" in file.read_text(encoding="utf-8") for file in plugin.glob("tests/**/*.py")):
        pytest.skip(f"{plugin.name} has no slow tests")
    output = run_tests_of(plugin, "slow", tmp_path, installed)
    assert "error" not in output, output
    if " passed" not in output:
        pytest.skip(output)  # such as those that need a Slurm


def run_tests_of(plugin: Path, marker: str, folder: Path, installed: tuple[Path, Path]) -> str:
    """Return what pytest prints about the tests of a plugin with this `marker`, against what is installed."""
    project = folder / plugin.name
    shutil.copytree(plugin, project, ignore=shutil.ignore_patterns("src", "__pycache__"))  # the installed one is tested
    command = (sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-m", marker)
    return run_command(*command, cwd=project, path=installed, seconds=MAX_WAIT_SECONDS)
