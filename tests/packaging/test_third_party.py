"""Other people's distributions: they add to alframe, are named when something is wrong, and break only themselves."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from alframe.app.api import compose
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides
from tests.command_line import CommandLine
from tests.packaging.building import InstallFake, run_command

# A sampler of a few lines, for distributions that are about something else.
SAMPLER = """
from alframe.types import Selection
class Part:
    needs = frozenset()
    def select(self, view, k, rng):
        return Selection(view.keys[:k])
"""


def line_starting_with(text: str, start: str) -> str:
    """Return the one line of `text` that begins with `start`."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith(start))
    return " ".join(line.split())


# The plugin that `alframe new_plugin` writes


def test_its_own_tests_pass_beside_an_installed_alframe(
    site: Path, coinflip: Path, coinflip_project: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(coinflip_project, tmp_path / "alframe-coinflip")
    shutil.rmtree(project / "src")  # what is tested is what was installed
    output = run_command(sys.executable, "-m", "pytest", "-q", cwd=project, path=(site, coinflip))
    assert " passed" in output
    assert "error" not in output


def test_a_campaign_to_the_end_with_installed_distributions(
    site: Path, coinflip: Path, pool: Path, tmp_path: Path
) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "sampler=coinflip", "sampler.p=0.8"]
    output = run_command(sys.executable, "-m", "alframe", *words, cwd=tmp_path, path=(site, coinflip))
    assert "The budget of 20 labels is used up" in output
    (project,) = tmp_path.glob("runs/folder-coinflip-seed0-*")
    assert (project / "report.html").stat().st_size > 10_000
    assert (project / "export" / "model" / "model.json").is_file()
    with Ledger.open(project, read_only=True) as ledger:
        owners = [json.loads(owners) for (owners,) in ledger.raw_rows("round", ["owners"])]
        asked = [record.labels for record in ledger.history()]
    assert asked == [4, 8, 12, 16, 20]
    assert all(owner["sampler:coinflip"] == "alframe-coinflip 0.1.0" for owner in owners)


def test_it_is_listed_with_its_owner(alframe: CommandLine, coinflip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(coinflip))
    text = alframe("plugins").out
    assert line_starting_with(text, "coinflip ") == "coinflip alframe-coinflip 0.1.0 ok"
    assert "BROKEN" not in text
    assert "coinflip" in alframe("--help-all").out


def test_a_typo_names_its_parameters(alframe: CommandLine, coinflip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(coinflip))
    finished = alframe("sampler=coinflip", "sampler.nonsense=1")
    assert finished.code == 1
    assert finished.err.startswith("sampler 'coinflip' has no parameter 'nonsense'. Accepted: p=")
    assert len(finished.err.splitlines()) == 1
    assert "Did you mean 'coinflip'?" in alframe("sampler=coinflp").err


# Distributions with something wrong


def test_a_broken_plugin_costs_only_its_user(alframe: CommandLine, install_fake: InstallFake, tmp_path: Path) -> None:
    install_fake("alframe-broken", "raise RuntimeError('half installed')", "broken", "name: broken")
    line = line_starting_with(alframe("plugins").out, "broken ")
    assert line.startswith("broken alframe-broken 1.0 BROKEN:")
    assert "RuntimeError: half installed" in line
    assert "There is no project" in alframe("status").err
    assert alframe("--help-all").code == 0
    assert compose("sampler=kcenter").sampler.name == "kcenter"

    finished = alframe("sampler=broken", "pool=digits", f"pool.root={tmp_path / 'digits'}")
    assert finished.code == 1
    (line,) = finished.err.splitlines()
    assert "alframe-broken 1.0 (alframe_broken:Part) cannot be imported: RuntimeError: half installed" in line
    assert not (tmp_path / "digits").exists()


def test_a_plugin_for_another_version_is_named(alframe: CommandLine, install_fake: InstallFake) -> None:
    site = install_fake("alframe-old", SAMPLER, "old", "name: old")
    metadata = site / "alframe_old-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: alframe<0.1,>=0.0.5\nRequires-Dist: numpy>=2\n")
    line = line_starting_with(alframe("plugins").out, "old ")
    assert line.startswith("old alframe-old 1.0 made for another version: it requires alframe<0.1,>=0.0.5, and this is")


def test_a_plugin_that_is_slow_to_import_is_named(
    alframe: CommandLine, install_fake: InstallFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_fake("alframe-slow", SAMPLER, "slow", "name: slow")
    monkeypatch.setattr("alframe.app.inspect.SLOW_IMPORT", 0.0)
    assert "ok, but slow to import: 0.0 s" in line_starting_with(alframe("plugins").out, "slow ")


def test_one_name_claimed_by_two(alframe: CommandLine, install_fake: InstallFake, pool: Path, tmp_path: Path) -> None:
    install_fake("alframe-one", SAMPLER, "twin", "name: twin")
    install_fake("alframe-two", SAMPLER, "twin", "name: twin")
    text = alframe("plugins").out
    assert "alframe-one 1.0 DUPLICATE: choose with sampler.name=alframe-one:twin" in " ".join(text.split())
    assert "alframe-two 1.0 DUPLICATE: choose with sampler.name=alframe-two:twin" in " ".join(text.split())
    assert (
        line_starting_with(text, "alframe-two:")
        == "alframe-two: conf/sampler/twin.yaml is shadowed by the file of alframe-one."
    )

    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "sampler=twin"]
    finished = alframe(*words)
    assert finished.code == 1
    (line,) = finished.err.splitlines()
    assert "The sampler 'twin' is registered by " in line
    assert "alframe-one" in line
    assert "alframe-two" in line
    assert "sampler.name=alframe-" in line
    finished = alframe(*words, "sampler.name=alframe-one:twin", "compare.sampler=random", "compare.seeds=1")
    assert finished.code == 0, finished.err


def test_a_yaml_cannot_shadow_a_built_in(alframe: CommandLine, install_fake: InstallFake) -> None:
    site = install_fake("alframe-usurper", SAMPLER, "usurper", "name: usurper", file="margin")
    (site / "alframe_usurper" / "conf" / "config.yaml").write_text("batch: 999\n")
    config = compose("sampler=margin")
    assert (config.sampler.name, config.batch) == ("margin", 20)
    line = line_starting_with(alframe("plugins").out, "alframe-usurper:")
    assert line == "alframe-usurper: conf/sampler/margin.yaml is shadowed by the file of alframe."


def test_a_missing_configuration_folder_is_reported(alframe: CommandLine, install_fake: InstallFake) -> None:
    install_fake("alframe-lost", SAMPLER, "lost", conf="alframe_lost.configuration")
    install_fake("alframe-gone", SAMPLER, "gone", conf="no_such_package.conf")
    text = alframe("plugins").out
    for owner, module in (("lost", "alframe_lost.configuration"), ("gone", "no_such_package.conf")):
        line = line_starting_with(text, f"alframe-{owner}:")
        assert f"its configuration folder '{module}' does not exist" in line
        assert f"it cannot be chosen as sampler={owner}" in text
    assert compose("sampler=margin").sampler.name == "margin"


# Kinds with rules of their own


def test_a_verb_of_a_plugin(alframe: CommandLine, install_fake: InstallFake, tmp_path: Path) -> None:
    code = """
from alframe.types import Outcome, OutcomeState
class Part:
    read_only = True
    def __init__(self, to="world"):
        self.to = to
    def run(self, session):
        return Outcome(OutcomeState.DONE, f"hello {self.to}")
"""
    install_fake("alframe-greet", code, "greet", "name: greet\nto: world", kind="task")
    assert alframe("greet").out.strip() == "hello world"
    assert alframe("greet", "to=you").out.strip() == "hello you"
    assert "Did you mean 'greet'?" in alframe("gret").err
    assert not list(tmp_path.iterdir())


def test_an_exporter_of_a_plugin_among_others(install_fake: InstallFake) -> None:
    install_fake("alframe-loud", SAMPLER, "loud", "# @package exporter.loud\nname: loud", kind="exporter")
    assert list(compose("exporter=[predictions,loud]").exporter) == ["predictions", "loud"]
