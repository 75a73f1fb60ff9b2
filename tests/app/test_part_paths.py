"""Relative paths of parts start at the working directory, on the command line and from Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

import alframe
from alframe.kit.composite import build_part


def test_composed_parts_get_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("exporter=[recognition_json]", "exporter.recognition_json.detections=found.json")
    config = alframe.compose("pool=folder", "pool.root=images", *words, "label_source=csv", "label_source.files=a.csv")
    assert build_part("pool", config.pool).root == str(tmp_path / "images")
    assert build_part("exporter", config.exporter.recognition_json).detections == str(tmp_path / "found.json")
    assert list(build_part("label_source", config.label_source).files) == [str(tmp_path / "a.csv")]


def test_what_is_missing_or_refers_to_another_setting_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert OmegaConf.is_missing(alframe.compose("pool=folder").pool, "root")
    monkeypatch.chdir(tmp_path)
    config = alframe.compose("pool=csv", "pool.file=a.csv", r"pool.root=${runs}", "runs=here")
    assert config.pool.root == "here"
