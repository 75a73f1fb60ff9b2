"""Exporters as people choose them on the command line and in a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from alframe.app.api import compose
from alframe.app.command import parse_command
from alframe.builtins import REGISTRIES
from alframe.exporters.camtrap_dp.exporter import CamtrapDp

DOCS = Path(__file__).parents[2] / "docs" / "exporters.md"
MORE = ("recognition_json", "timelapse_csv", "camtrap_dp", "folders")


def test_they_are_not_on_by_themselves() -> None:
    assert list(compose().exporter) == ["predictions", "model"]


@pytest.mark.parametrize("name", MORE)
def test_one_more_beside_the_usual(name: str) -> None:
    chosen = compose(f"exporter=[predictions,model,{name}]").exporter
    assert list(chosen) == ["predictions", "model", name]
    REGISTRIES["exporter"].build(OmegaConf.to_container(chosen[name]))


def test_parameters_with_awkward_values() -> None:
    words = (
        "exporter=[recognition_json,camtrap_dp]",
        r"exporter.recognition_json.detections=D:\camera traps\md.json",
        "exporter.camtrap_dp.timezone=+10:00",
        "exporter.camtrap_dp.contributors=[Anna Berg]",
        "exporter.camtrap_dp.names={fox: Vulpes vulpes}",
        "exporter.camtrap_dp.capture_method=[timeLapse]",
    )
    chosen = OmegaConf.to_container(compose(*map(str, parse_command(words).given.values())).exporter)
    assert chosen["recognition_json"]["detections"] == str(Path.cwd() / r"D:\camera traps\md.json")
    part = REGISTRIES["exporter"].build(chosen["camtrap_dp"])
    assert isinstance(part, CamtrapDp)
    assert str(part.zone) == "UTC+10:00"
    assert part.scientific_names == {"fox": "Vulpes vulpes"}
    assert part.people == [{"title": "Anna Berg"}]


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    example = DOCS.read_text("utf-8").partition("## camtrap_dp")[2].partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "valley.yaml").write_text(example, encoding="utf-8")
    chosen = compose(f"hydra.searchpath=[file://{tmp_path}]", "experiment=valley").exporter
    assert list(chosen) == ["predictions", "model", "camtrap_dp"]
    part = REGISTRIES["exporter"].build(OmegaConf.to_container(chosen.camtrap_dp))
    assert part.list_missing_metadata() == []
    assert set(yaml.safe_load(example)["exporter"]["camtrap_dp"]["names"]) == {"fox", "boar"}
