"""A season with other programs that open its files, as on Windows: nothing ends that need not."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.store import files
from alframe.testing.tiny import tiny_pool
from tests.command_line import CommandLine, alframe
from tests.tasks.test_counts import SMALL, answer
from tests.windows import SharingRules, sharing_rules

__all__ = ["alframe", "sharing_rules"]

ENOUGH = "stopping.labels=12"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharing_rules: SharingRules) -> Path:
    """A campaign's folder, not begun."""
    monkeypatch.setattr(files, "HELD_PAUSES", (0.01, 0.01, 0.01))
    tiny_pool(tmp_path / "pool", classes=3, each=6)
    return tmp_path / "p"


def label_all(project: Path, number: int) -> None:
    answer(project, number, dict.fromkeys(range(6)))


def test_a_campaign_goes_on_whatever_is_held_for_a_moment(
    alframe: CommandLine, project: Path, sharing_rules: SharingRules
) -> None:
    """Every file that the first round replaces is held for two tries in the second."""
    replaced = ("report.html", "rounds.jsonl", "alframe.yaml", "done.json", "model", "predictions.csv", "to_label.csv")
    started = alframe(*SMALL, ENOUGH)
    assert started.code == 0, started.err
    label_all(project, 1)
    for name in replaced:
        sharing_rules.hold(name, times=2)
    again = alframe("project=p")
    assert again.code == 0, again.err
    label_all(project, 2)
    done = alframe("project=p", "exporter=[predictions,model]")
    assert done.code == 0, done.err
    for name in replaced:
        sharing_rules.hold(name, times=2)
    exported = alframe("export", "project=p")
    assert exported.code == 0, exported.err
    assert {"report.html", "alframe.yaml", "to_label.csv", "model", "predictions.csv"} <= set(sharing_rules.refused)
    left = [path.name for path in project.rglob("*") if path.suffix in (".tmp", ".old")]
    assert not left


def test_a_page_and_a_list_that_stay_open_are_warned_about(
    alframe: CommandLine, project: Path, sharing_rules: SharingRules
) -> None:
    assert alframe(*SMALL, ENOUGH).code == 0
    label_all(project, 1)
    with (project / "report.html").open(), (project / "rounds.jsonl").open():
        again = alframe("project=p")
        assert again.code == 0, again.err
        assert f"{project / 'report.html'} cannot be written" in again.err
        assert "python -m alframe report project=p" in again.err
        assert "Round 2: 6 images to label" in again.out
        assert "(not up to date: it cannot be written)" in again.out
        label_all(project, 2)
        done = alframe("project=p")
        assert done.code == 0, done.err
        assert done.out.count("Exported:") == 1
        assert "report.html" in sharing_rules.refused
    assert alframe("report", "project=p").code == 0
    assert len((project / "rounds.jsonl").read_text().splitlines()) == 2


def test_an_unchanged_list_is_not_replaced(alframe: CommandLine, project: Path, sharing_rules: SharingRules) -> None:
    assert alframe(*SMALL).code == 0
    sharing_rules.hold("rounds.jsonl")
    assert alframe("project=p").code == 0
    assert "rounds.jsonl" not in sharing_rules.refused


def test_a_model_that_is_open_is_worded_as_other_exports_are(
    alframe: CommandLine, project: Path, sharing_rules: SharingRules
) -> None:
    assert alframe(*SMALL, "exporter=[predictions,model]").code == 0
    label_all(project, 1)
    assert alframe("label", "project=p").code == 0
    assert alframe("export", "project=p").code == 0
    with (project / "export" / "model" / "model.json").open():
        refused = alframe("export", "project=p")
    assert refused.code == 1
    assert f"{project / 'export' / 'model'} cannot be replaced" in refused.err
    assert "Close it if it is open in another program" in refused.err
    assert "The rest is exported:" in refused.err
    assert "predictions.csv" in refused.err
    assert alframe("export", "project=p").code == 0
