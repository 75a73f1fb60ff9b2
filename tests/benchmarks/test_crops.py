"""Boxes against whole frames: from the boxes to the section of the page."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.formats.detections import Detection
from alframe.formats.recognition import write_recognitions
from alframe.types import Box, Floats, Item
from benchmarks import crops
from benchmarks.curves.crops import crops_section

COUNT = 120


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Frames of 24 bursts of two species; every fourth burst is empty, and the detector misses the odd boxes."""
    folder = tmp_path / "images"
    folder.mkdir()
    found: list[tuple[str, list[Detection]]] = []
    with (folder / "labels.csv").open("w", newline="") as handle:
        table = csv.writer(handle)
        table.writerow(["file", "label", "sequence", "boxes_xywh_center_norm"])
        for number in range(COUNT):
            burst, name = number // 5, f"{number}.png"
            label = "empty" if burst % 4 == 3 else f"species {burst % 2}"
            boxes = [] if label == "empty" else [[0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.4, 0.6]]
            table.writerow([name, label, str(burst), json.dumps(boxes)])
            Image.new("RGB", (8, 8)).save(folder / name)
            found.append((name, [Detection("animal", 0.9, Box(0, 0, 0.5, 0.5))] if number % 2 == 0 and boxes else []))
    write_recognitions(folder / "detections.json", found, (), {"detector": "made up"})
    return folder


def test_views_are_the_parts_that_are_embedded(images: Path, tmp_path: Path) -> None:
    frames = crops.read_frames(images)
    views = dict(crops.views(frames, images / "detections.json", tmp_path))
    assert [item.box for item in views["whole"]] == [None] * COUNT
    drawn = views["drawn"][0].box
    assert drawn is not None and np.allclose([drawn.x, drawn.y, drawn.w, drawn.h], [0.3, 0.2, 0.4, 0.6])
    assert [item.box for item in views["detected"][:2]] == [Box(0, 0, 0.5, 0.5), None]
    assert [[item.id for item in items] for items in views.values()] == [[frame.item.id for frame in frames]] * 3


def test_the_section_says_what_was_measured(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def embed(items: Sequence[Item]) -> Floats:
        """Return embeddings that tell the species from boxes alone."""
        rng = np.random.default_rng(0)
        species = [0 if item.box is None else 1 + int(item.label == "species 1") for item in items]
        return (rng.normal(size=(len(items), 6)) + 4 * np.eye(6)[species]).astype(np.float32)

    monkeypatch.setattr(crops, "embed", embed)
    monkeypatch.setattr(crops, "STRATEGIES", ("random:linear",))
    work, out = tmp_path / "work", tmp_path / "2026-01-01-x-crops.json"
    words = ["--images", str(images), "--detections", str(images / "detections.json"), "--work", str(work)]
    words += ["--seeds", "3", "--budget", "40", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["", *words])
    crops.main()
    result, curves = json.loads(out.read_text()), (work / "curves.csv").read_text()
    assert result["counts"] == {
        "frames": COUNT,
        "animals": 90,
        "bursts": 24,
        "whole_boxes_of_animals": 0,
        "whole_boxes_of_empty": 0,
        "drawn_boxes_of_animals": 90,
        "drawn_boxes_of_empty": 0,
        "detected_boxes_of_animals": 48,
        "detected_boxes_of_empty": 0,
    }
    assert "drawn:random:linear" not in result["sets"]["all-frames"], "drawn boxes tell which frames are empty"
    gains = result["over_whole"]["animals-bursts"]
    assert gains["drawn:random:linear"]["accuracy"]["low"] > 20
    assert gains["drawn:random:linear"]["accuracy"]["gain"] > gains["detected:random:linear"]["accuracy"]["gain"]
    text = crops_section(tmp_path)
    assert "It found a box in 48 of the 90 frames with an animal, and in 0 of the 30 empty frames." in text
    assert text.count("| `random:linear` |") == 4 and "nan" not in text
    crops.main()
    assert (work / "curves.csv").read_text() == curves, "what was measured is not measured again"
