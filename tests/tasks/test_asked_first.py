"""What a command lacks is asked for before the long work."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.loop import embedding
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe
from tests.timelapse.template import TemplateEditor

__all__ = ["alframe"]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of a campaign in which nothing may be embedded."""

    def embed(*_: object) -> None:
        raise AssertionError("the images were embedded first")

    monkeypatch.setattr(embedding, "update_pool_embedding", embed)
    images = tiny_pool(tmp_path / "images", classes=2, each=6)
    return [*tiny_overrides(images, tmp_path / "runs"), f"project={tmp_path / 'season'}"]


def test_the_facts_of_an_export(alframe: CommandLine, words: list[str]) -> None:
    failed = alframe("export", *words, "label_source=csv", "exporter=[predictions,camtrap_dp]")
    assert failed.code == 1
    assert "exporter.camtrap_dp.deployments: a CSV file with the columns" in failed.err
    assert "exporter.camtrap_dp.title" in failed.err
    assert "Nothing was exported." in failed.err
    assert "embedded first" not in failed.err


def test_the_fields_of_a_timelapse_set(alframe: CommandLine, words: list[str], tmp_path: Path) -> None:
    TemplateEditor.new(tmp_path / "images" / "TimelapseTemplate.tdb").add("Flag", "Selected")
    failed = alframe(*words, "label_source=timelapse_set", f"label_source.set={tmp_path / 'images'}")
    assert failed.code == 1
    assert "with the Data Label 'Species'" in failed.err
    assert "'ALRound'" in failed.err
    missing = alframe(*words, "label_source=timelapse_set", f"label_source.set={tmp_path / 'absent'}")
    assert "does not exist" in missing.err
    assert "embedded first" not in failed.err + missing.err
