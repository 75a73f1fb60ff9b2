"""The plugins that `alframe new_plugin` writes. That one can be built and installed: tests/packaging."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import alframe
from alframe.app.command import parse_command
from alframe.errors import BadParams, StoreError
from alframe.tasks.new_plugin import DEFAULT_PARTS, TEMPLATE_KINDS, words_to_choose, write_plugin
from tests.public_imports import find_private_imports

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", TEMPLATE_KINDS)
def test_every_file_is_named_after_the_part(tmp_path: Path, kind: str) -> None:
    write_plugin(tmp_path, "my_part", kind)
    files = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert files.keys() == {
        "pyproject.toml",
        "README.md",
        "src/alframe_my_part/__init__.py",
        "src/alframe_my_part/my_part.py",
        f"src/alframe_my_part/conf/{kind}/my_part.yaml",
        "tests/test_my_part.py",
    }
    assert "class MyPart" in files["src/alframe_my_part/my_part.py"]
    assert 'name = "alframe-my-part"' in files["pyproject.toml"]
    for path, text in files.items():
        assert not [word for word in ("mypart", "KIND", "GROUP") if word in text], path
        assert not path.endswith(".py") or not find_private_imports(text), path


@pytest.mark.parametrize("kind", TEMPLATE_KINDS)
def test_it_is_written_as_this_project_is(tmp_path: Path, kind: str) -> None:
    write_plugin(tmp_path, "coinflip", kind)
    for folder, words in (("src", "check"), ("tests", "check --extend-ignore=D"), ("", "format --check")):
        command = [sys.executable, "-m", "ruff", *words.split(), "--config", "pyproject.toml", str(tmp_path / folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout


def test_its_own_tests_pass(tmp_path: Path) -> None:
    """Of each kind, beside each other, as if they were installed."""
    for kind in TEMPLATE_KINDS:
        folder, info = tmp_path / kind, tmp_path / "site" / f"alframe_my_{kind}-0.1.0.dist-info"
        write_plugin(folder, f"my_{kind}", kind)
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
        points = {group: next(iter(entries.items())) for group, entries in project["entry-points"].items()}
        (info / "entry_points.txt").write_text(
            "".join(f"[{group}]\n{name} = {target}\n" for group, (name, target) in points.items())
        )
    paths = [ROOT, tmp_path / "site", *(tmp_path / kind / "src" for kind in TEMPLATE_KINDS)]
    command = [sys.executable, "-m", "pytest", "-q", *(f"{kind}/tests" for kind in TEMPLATE_KINDS)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("part", "kind", "reason"),
    [
        ("coin flip", "sampler", "part=coin flip: must be lower-case letters, digits and _"),
        ("Coinflip", "sampler", "must be lower-case"),
        ("class", "sampler", "must be lower-case"),
        ("head", "sampler", "part=head: this is a kind of part. To write one: .*new_plugin kind=head part=NAME"),
        ("margin", "sampler", "part=margin: a sampler of this name exists already"),
        ("coinflip", "simpler", "kind=simpler: there is no template for it. Known: .*sampler"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, part: str, kind: str, reason: str) -> None:
    with pytest.raises(BadParams, match=reason):
        write_plugin(tmp_path / "new", part, kind)
    assert not (tmp_path / "new").exists()


def test_the_command_to_try_keeps_the_default_exporters_and_trackers() -> None:
    config = alframe.compose()
    for kind, names in DEFAULT_PARTS.items():
        assert tuple(config[kind]) == names
    assert words_to_choose("exporter", "mine") == ["exporter=[predictions,model,mine]"]
    assert words_to_choose("tracker", "mine") == ["tracker=[console,jsonl,mine]"]
    assert words_to_choose("task", "mine") == ["mine"]
    assert words_to_choose("head", "mine") == ["head=mine"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["new-plugin", "head", "mine"], {"task": "new_plugin", "kind": "head", "part": "mine"}),
        (["new_plugin", "mine", "folder=x"], {"task": "new_plugin", "part": "mine", "folder": "x"}),
        (["new-plugin", "part=mine"], {"task": "new_plugin", "part": "mine"}),
    ],
)
def test_kind_and_name_may_come_without_an_equals_sign(words: list[str], expected: dict[str, str]) -> None:
    given = parse_command(words).given
    assert {key.removeprefix("task."): override.text for key, override in given.items()} == expected


def test_words_that_are_too_many_are_refused() -> None:
    with pytest.raises(BadParams, match=r"'sampler' has no value"):
        parse_command(["new-plugin", "sampler", "mine", "more"])


def test_nothing_is_replaced(tmp_path: Path) -> None:
    write_plugin(tmp_path, "coinflip", "sampler")
    write_plugin(tmp_path, "coinflip", "sampler")  # the same files
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "pyproject.toml").unlink()
    with pytest.raises(StoreError, match=r"README\.md exists already"):
        write_plugin(tmp_path, "coinflip", "sampler")
    assert (tmp_path / "README.md").read_text() == "mine"
    assert not (tmp_path / "pyproject.toml").exists(), "nothing is written by halves"
