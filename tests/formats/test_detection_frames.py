"""Boxes of programs that look at the stored picture lie on the animal in the upright one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from alframe.formats.detections import match_detections
from alframe.types import Box, Item

WIDTH, HEIGHT = 400, 240
ANIMAL = (300, 20, 380, 80)  # left, top, right and bottom in the stored picture
NAMES = {"0": "animal", "1": "person", "2": "vehicle"}


def draw(file: Path, orientation: int) -> Item:
    """A dark picture with a bright animal, which EXIF turns."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[ANIMAL[1] : ANIMAL[3], ANIMAL[0] : ANIMAL[2]] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(file, quality=95, exif=exif)
    return Item(file.name, file)


def brightness(item: Item, box: Box) -> float:
    """The mean of the box in the upright picture."""
    with Image.open(item.path) as image:
        upright = ImageOps.exif_transpose(image)
    sides = (box.x * upright.width, box.y * upright.height, (box.x + box.w) * upright.width)
    return float(np.mean(upright.crop((*map(round, sides), round((box.y + box.h) * upright.height)))))


def pytorch_wildlife(name: str) -> dict[str, Any]:
    image = {"img_id": name, "bbox": [list(ANIMAL)], "category": [0], "confidence": [0.9]}
    return {"annotations": [image], "categories": NAMES}


def command_line(name: str) -> list[dict[str, Any]]:
    return [{"file": name, "detections": [{"category": "animal", "confidence": 0.9, "bbox": list(ANIMAL)}]}]


def for_timelapse(name: str) -> dict[str, Any]:
    """PyTorch-Wildlife in MegaDetector's format: with fractions, and categories from 0."""
    left, top, right, bottom = ANIMAL
    box = [left / WIDTH, top / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT]
    detections = [{"category": "0", "conf": 0.9, "bbox": box}]
    return {"info": {}, "detection_categories": NAMES, "images": [{"file": name, "detections": detections}]}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("make", [pytorch_wildlife, command_line, for_timelapse])
def test_the_animal_is_in_its_box_however_the_camera_was_held(tmp_path: Path, make: Any, orientation: int) -> None:
    item = draw(tmp_path / "a.jpg", orientation)
    (tmp_path / "found.json").write_text(json.dumps(make("a.jpg")))
    detections, numbers = match_detections([item], tmp_path / "found.json", "")
    (seen,) = detections["a.jpg"]
    assert numbers.tolist() == [0] and brightness(item, seen.box) > 250
    assert seen.box.w * seen.box.h == pytest.approx(80 * 60 / WIDTH / HEIGHT)


def test_boxes_that_fit_only_the_upright_picture_were_found_there(tmp_path: Path) -> None:
    item = draw(tmp_path / "a.jpg", 6)
    image = {"img_id": "a.jpg", "bbox": [[160, 300, 220, 380]], "category": [0], "confidence": [0.9]}
    (tmp_path / "found.json").write_text(json.dumps({"annotations": [image], "categories": NAMES}))
    detections, _ = match_detections([item], tmp_path / "found.json", "")
    assert brightness(item, detections["a.jpg"][0].box) > 250


def test_megadetector_s_fractions_are_of_the_upright_picture_already(tmp_path: Path) -> None:
    item = draw(tmp_path / "a.jpg", 6)
    box = [0.6667, 0.75, 0.25, 0.2]
    detections = [{"category": "1", "conf": 0.9, "bbox": box}]
    data = {"detection_categories": {"1": "animal"}, "images": [{"file": "a.jpg", "detections": detections}]}
    (tmp_path / "found.json").write_text(json.dumps(data))
    detections, _ = match_detections([item], tmp_path / "found.json", "")
    assert detections["a.jpg"][0].box == Box(*box)
    assert brightness(item, Box(*box)) > 250


def test_sizes_come_from_the_images_of_the_pool_wherever_the_paths_are_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "A").mkdir()
    one = draw(tmp_path / "A" / "1.jpg", 1)
    (tmp_path / "A" / "2.jpg").write_bytes(b"not a picture")
    items = [Item("A/1.jpg", one.path), Item("A/2.jpg", tmp_path / "A" / "2.jpg"), Item("A/3.jpg", one.path)]
    two = {"bbox": [list(ANIMAL)] * 2, "category": [0, 0], "confidence": [0.9, 0.8]}
    classified = {
        **{"bbox": two["bbox"], "det_category": [0, 0], "det_confidence": [0.9, 0.8]},
        **{"clf_category": [1, 0], "clf_confidence": [0.6, 0.5]},
    }
    rows: list[dict[str, Any]] = [
        {"img_id": f"D:\\set\\A\\{name}.jpg", **more} for name, more in (("1", classified), ("2", two), ("gone", two))
    ]
    rows.append({"img_id": "D:\\set\\A\\3.jpg", "bbox": [], "category": [], "confidence": []})
    data = {"annotations": rows, "det_categories": NAMES, "clf_categories": ["fox", "hare"]}
    (tmp_path / "found.json").write_text(json.dumps(data))
    detections, numbers = match_detections(items, tmp_path / "found.json", "Whole images are used.")
    assert {path: len(found) for path, found in detections.items()} == {"D:/set/A/1.jpg": 2, "D:/set/A/3.jpg": 0}
    assert [one.classifications for one in detections["D:/set/A/1.jpg"]] == [(("hare", 0.6),), (("fox", 0.5),)]
    assert numbers.tolist() == [0, -1, 3]
    assert "1 failed there, e.g. 'D:/set/A/2.jpg': its boxes are in pixels" in caplog.text
    assert "1 of the 4 entries" in caplog.text and "D:/set/A/gone.jpg" in caplog.text
