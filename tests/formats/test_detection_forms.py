"""Files of detections as other programs leave them: other words for nothing, other names, other spellings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alframe.engine.listing.boxes import assign_boxes
from alframe.errors import FormatError
from alframe.formats.detections import category_kind, read_detections
from alframe.formats.other_roots import is_sibling
from alframe.settings import Boxes
from alframe.types import Box, Item

ANIMAL = {"1": "animal", "2": "person"}


def detection(category: object = "1", confidence: float = 0.9, left: float = 0.1) -> dict[str, Any]:
    return {"category": category, "conf": confidence, "bbox": [left, 0.1, 0.5, 0.5]}


def write(folder: Path, *images: dict[str, Any], **others: Any) -> Path:
    content = {"info": {}, "detection_categories": ANIMAL, "images": images} | others
    (folder / "md.json").write_text(json.dumps(content), encoding="utf-8")
    return folder / "md.json"


def boxes_of(folder: Path, file: Path, *ids: str) -> list[float | None]:
    items = assign_boxes([Item(id, folder / "pool" / id) for id in ids], Boxes(file=str(file)))
    return [item.box and item.box.x for item in items]


@pytest.mark.parametrize("failure", [None, False, "", " ", "None", float("nan")])
def test_words_for_no_failure_cost_no_boxes(tmp_path: Path, failure: object) -> None:
    assert read_detections(write(tmp_path, {"file": "a.jpg", "failure": failure, "detections": [detection()]}))["a.jpg"]


@pytest.mark.parametrize("classes", [[["0", None]], [["0"]], "fox", [[0, "x"]]])
def test_classes_that_cannot_be_read_cost_no_boxes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, classes: object
) -> None:
    image = {"file": "a.jpg", "detections": [detection() | {"classifications": classes}]}
    assert boxes_of(tmp_path, write(tmp_path, image), "a.jpg") == [0.1]
    assert "1 classifications are skipped, and their boxes are used, e.g. images[0] ('a.jpg').class" in caplog.text


def test_failures_and_classes_of_speciesnet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    failed = {"filepath": "a.jpg", "failures": ["DETECTOR"], "detections": []}
    scored = {"filepath": "b.jpg", "detections": [detection() | {"label": "animal"}]}
    scored["classifications"] = {"classes": ["a"], "scores": [None]}
    (tmp_path / "sn.json").write_text(json.dumps({"predictions": [failed, scored]}))
    found = read_detections(tmp_path / "sn.json")
    assert found.failures == {"a.jpg": "DETECTOR"} and found["b.jpg"][0].category == "animal"
    assert "1 classifications are skipped" in caplog.text


def test_a_small_box_beside_others_in_pixels_is_in_pixels(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    Image.new("L", (40, 20)).save(tmp_path / "pool" / "a.png")
    small = {"category": "animal", "confidence": 0.95, "bbox": [0, 0, 1, 1]}
    large = {"category": "animal", "confidence": 0.9, "bbox": [4, 2, 20, 10]}
    (tmp_path / "md.json").write_text(json.dumps([{"file": "a.png", "detections": [large, small]}]))
    image = Item("a.png", tmp_path / "pool" / "a.png")
    assert assign_boxes([image], Boxes(file=str(tmp_path / "md.json")))[0].box == Box(0, 0, 1 / 40, 1 / 20)


@pytest.mark.parametrize("categories", [{"animal": 1, "person": 2}, {"animal": "1", "person": 2.0}, ["", "animal"]])
@pytest.mark.parametrize("category", ["1", 1.0, "Animal"])
def test_categories_by_number_or_name(tmp_path: Path, categories: object, category: object) -> None:
    image = {"file": "a.jpg", "detections": [detection(category)]}
    assert read_detections(write(tmp_path, image, detection_categories=categories))["a.jpg"][0].category == "animal"


def test_a_category_without_a_name_is_unknown(tmp_path: Path) -> None:
    image = {"file": "a.jpg", "detections": [detection()]}
    with pytest.raises(FormatError, match=r"'1' in 'a.jpg': detections have a category .* does not name"):
        read_detections(write(tmp_path, image, detection_categories={"1": None, "2": "person"}))


@pytest.mark.parametrize(
    ("info", "found", "warning"),
    [
        ({"detector": "md_v4.1.0.pb"}, [0.1], "for which 0.8 is typical. In a new project, set boxes.threshold=0.8"),
        ({"detector_metadata": {"megadetector_version": "v3.0"}}, [0.1], "for which 0.8 is typical"),
        ({"detector": "v3.2 DeepFaune"}, [0.1], ""),
        ({"detector": "redwood_md_v2"}, [0.1], ""),
        ({"detector": "md_v5a.0.0.pt"}, [0.1], ""),
        ({"detector": "v1000.0.0-redwood"}, [0.1], ""),
        *(
            ({"detector_metadata": {"typical_detection_threshold": value}}, [0.1], f"threshold is {value!r}, which is")
            for value in (80, "0,8", True)
        ),
    ],
)
def test_the_threshold_of_the_detector(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, info: dict[str, Any], found: list[float | None], warning: str
) -> None:
    file = write(tmp_path, {"file": "a.jpg", "detections": [detection(confidence=0.5)]}, info=info)
    assert boxes_of(tmp_path, file, "a.jpg") == found
    assert warning in caplog.text and bool(warning) == bool(caplog.text)


def test_entries_that_differ_in_the_case_of_a_folder_are_contested(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    twins = [{"file": f"{folder}/1.jpg", "detections": [detection()]} for folder in ("CAM", "Cam")]
    with pytest.raises(FormatError, match="1 images have several entries that differ in upper and lower case"):
        boxes_of(tmp_path, write(tmp_path, *twins), "cam/1.jpg")
    assert boxes_of(tmp_path, write(tmp_path, twins[0], twins[1] | {"failure": "x"}), "cam/1.jpg") == [0.1]
    again = [{"file": path, "detections": [detection(left=left)]} for path, left in (("./a.jpg", 0.1), ("a.jpg", 0.2))]
    assert boxes_of(tmp_path, write(tmp_path, *again), "a.jpg") == [0.2]
    assert "1 images are listed twice with different detections" in caplog.text


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("person", ["Mensch", "human-adult", "Personne", "homo_sapiens", "Persons"]),
        ("vehicle", ["off-road vehicle", "pickup truck", "ve\u0301hicule", "Auto", "motor_vehicles"]),
        ("empty", ["leer", "vacío", "False positive"]),
        ("animal", ["fox", "domestic dog", "carrion crow", "bushbuck", "manul", "human dog", "no vehicle", "toy car"]),
    ],
)
def test_kinds_of_categories(kind: str, names: list[str]) -> None:
    assert {name: category_kind(name) for name in names} == dict.fromkeys(names, kind)


@pytest.mark.parametrize(
    ("prefix", "is_other"), [("x/summer/", True), ("x/waterfall/", False), ("x/dry season/", False)]
)
def test_seasons_by_name(prefix: str, is_other: bool) -> None:
    assert is_sibling(prefix, "y/winter/") == is_other


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("c:/users/april/pictures/survey/", "/home/june/pictures/survey"),
        ("x/april/", "y/june/"),
        ("d:/c/anne_may/p/", "/h/anne_june/p"),
        ("c:/users/may1/p/", "/home/june1/p"),
    ],
)
def test_people_called_as_months_are_no_seasons(prefix: str, root: str) -> None:
    assert not is_sibling(prefix, root)
