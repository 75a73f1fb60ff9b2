from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recognition_rules import imported, read_valid

from alframe.errors import BadParams, FormatError, StoreError
from alframe.exporters.recognition_json import RecognitionJson
from alframe.formats.detections import read_detections
from alframe.formats.recognition import CATEGORIES, timelapse_class_names
from alframe.testing.exporter import ExporterSuite, FakeModel, write_tiny_predictions
from alframe.types import UNSURE, Box, Item, Label, Predictions
from tests.timelapse.conftest import picture, template
from tests.timelapse.recognition import names as class_names
from tests.timelapse.simulator import Timelapse

CLASSES = ("fox", "boar", "blank", "human", "deer")


class TestRecognitionJson(ExporterSuite):
    def make(self) -> RecognitionJson:
        return RecognitionJson()

    def predictions(self, folder: Path, count: int = 7, seed: int = 0) -> Predictions:
        return replace(write_tiny_predictions(folder, count, seed), labels=[None] * count)

    def read_predictions(self, folder: Path) -> Mapping[str, str]:
        data = read_valid(folder / "recognitionData.json")
        names = data["classification_categories"]
        return {image["file"]: names[image["detections"][0]["classifications"][0][0]] for image in data["images"]}


def some(
    ids: Sequence[str],
    tops: Sequence[str],
    labels: Mapping[str, str] | None = None,
    boxes: Mapping[str, Box] | None = None,
) -> Predictions:
    """Images of the classes `tops`, each predicted with 0.8, the next class with 0.15."""
    probs = np.full((len(ids), len(CLASSES)), 0.05 / 3, np.float32)
    for row, name in enumerate(tops):
        probs[row, CLASSES.index(name)] = 0.8
        probs[row, (CLASSES.index(name) + 1) % len(CLASSES)] = 0.15
    items = [
        Item(
            one,
            Path("/pool") / one.partition("#")[0],
            box=(boxes or {}).get(one),
            meta={"box": "1 of 2"} if "#" in one else {},
        )
        for one in ids
    ]
    labels = labels or {}
    return Predictions(items, probs, CLASSES, [Label(one, labels[one]) if one in labels else None for one in ids], 3)


def export(predictions: Predictions, folder: Path, **params: object) -> dict[str, list[tuple[str, float, str, float]]]:
    (file,) = RecognitionJson(**params).export(predictions, FakeModel(), folder)
    read_valid(file)
    return imported(file, {item.id.partition("#")[0] for item in predictions.items})


def test_without_boxes(tmp_path: Path) -> None:
    predictions = some(["s/1.jpg", "s/2.jpg", "3.jpg", "s/4.jpg"], ["fox", "blank", "human", "boar"])
    assert export(predictions, tmp_path) == {
        "s/1.jpg": [("animal", 1.0, "fox", 0.8)],
        "s/2.jpg": [],
        "3.jpg": [("person", 1.0, "human", 0.8)],
        "s/4.jpg": [("animal", 1.0, "boar", 0.8)],
    }
    data = read_valid(tmp_path / "recognitionData.json")
    assert data["info"]["format_version"] == "1.5"
    assert data["info"]["classifier"] == "alframe round 3"
    assert data["info"]["classifier_metadata"] == {"typical_classification_threshold": 0.05}
    assert data["detection_categories"] == {"1": "animal", "2": "person", "3": "vehicle"}
    (found,) = data["images"][0]["detections"]
    assert found["bbox"] == [0.0, 0.0, 1.0, 1.0]
    assert found["classifications"][:2] == [["0", 0.8], ["1", 0.15]]


def test_what_people_have_said_is_certain(tmp_path: Path) -> None:
    labels = {"1.jpg": "boar", "2.jpg": "blank", "3.jpg": UNSURE, "4.jpg": "lynx"}
    found = export(some(["1.jpg", "2.jpg", "3.jpg", "4.jpg"], ["fox"] * 4, labels), tmp_path)
    assert found == {
        "1.jpg": [("animal", 1.0, "boar", 1.0)],
        "2.jpg": [],
        "3.jpg": [("animal", 1.0, "fox", 0.8)],
        "4.jpg": [("animal", 1.0, "lynx", 1.0)],
    }


def test_only_the_best_classes_and_none_of_no_probability(tmp_path: Path) -> None:
    predictions = some(["1.jpg"], ["fox"])
    predictions.probs[0] = [0.9999, 0.0001, 0, 0, 0]
    export(predictions, tmp_path)
    (image,) = read_valid(tmp_path / "recognitionData.json")["images"]
    assert image["detections"][0]["classifications"] == [["0", 1.0]]
    export(some(["1.jpg"], ["fox"]), tmp_path, top=2)
    (image,) = read_valid(tmp_path / "recognitionData.json")["images"]
    assert image["detections"][0]["classifications"] == [["0", 0.8], ["1", 0.15]]
    with pytest.raises(BadParams, match="at least 1"):
        RecognitionJson(top=0)


def test_cut_out_boxes_without_the_detectors_file(tmp_path: Path) -> None:
    boxes = {"s/1.jpg#1": Box(0.1, 0.2, 0.3, 0.4), "s/1.jpg#2": Box(0.5, 0.5, 0.1, 0.1), "s/2.jpg": Box(0, 0, 1, 0.5)}
    found = export(some(["s/1.jpg#1", "s/1.jpg#2", "s/2.jpg"], ["fox", "blank", "boar"], boxes=boxes), tmp_path)
    assert found == {"s/1.jpg": [("animal", 1.0, "fox", 0.8)], "s/2.jpg": [("animal", 1.0, "boar", 0.8)]}
    (first, second) = read_valid(tmp_path / "recognitionData.json")["images"]
    assert first["detections"][0]["bbox"] == [0.1, 0.2, 0.3, 0.4]
    assert second["detections"][0]["bbox"] == [0.0, 0.0, 1.0, 0.5]


def test_the_blank_class_by_another_name(tmp_path: Path) -> None:
    assert export(some(["1.jpg"], ["fox"]), tmp_path, blank=["Fox"]) == {"1.jpg": []}
    assert export(some(["1.jpg"], ["blank"]), tmp_path, blank=[]) == {"1.jpg": [("animal", 1.0, "blank", 0.8)]}


def test_class_names_that_mean_something_else_to_timelapse(tmp_path: Path) -> None:
    classes = ("animal", "Person", "vehicle", "Empty", "fox", "Fox", "007", " ", "fox (class)", "a\nb")
    predictions = Predictions([Item("1.jpg", Path("1.jpg"))], np.full((1, 10), 0.1, np.float32), classes, [None])
    export(predictions, tmp_path, top=10)
    assert list(read_valid(tmp_path / "recognitionData.json")["classification_categories"].values()) == [
        "animal (class)",
        "Person (class)",
        "vehicle (class)",
        "Empty (class)",
        "fox",
        "Fox (class)",
        "007",
        "unnamed",
        "fox (class) (class)",
        "a b",
    ]


@given(st.lists(st.text(max_size=8), unique=True, max_size=10))
def test_safe_names_are_all_different(names: list[str]) -> None:
    safe = timelapse_class_names(names, [*CATEGORIES, "dog"])
    assert len({name.casefold() for name in safe} | {"animal", "person", "vehicle", "empty", "dog"}) == len(names) + 5
    assert all(name.strip() for name in safe)


def test_a_file_that_is_open_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "recognitionData.json").mkdir()
    with pytest.raises(StoreError, match=r"recognitionData\.json cannot be replaced.*Close it"):
        export(some(["1.jpg"], ["fox"]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["recognitionData.json"]


def test_names_of_all_scripts_stay_readable(tmp_path: Path) -> None:
    export(some(["größe/山猫.jpg"], ["fox"]), tmp_path)
    text = (tmp_path / "recognitionData.json").read_text("utf-8")
    assert "größe/山猫.jpg" in text
    assert json.loads(text)["images"][0]["file"] == "größe/山猫.jpg"


def detector(folder: Path, images: Mapping[str, Sequence[tuple[str, float, Sequence[float]]] | None]) -> Path:
    """MegaDetector's own file; None is an image that failed. Its numbers are not the usual ones."""
    numbers = {"animal": "0", "person": "1", "vehicle": "2"}
    entries: list[dict[str, object]] = []
    for name, found in images.items():
        if found is None:
            entries.append({"file": name, "failure": "cannot be opened", "detections": None})
            continue
        rows = [
            {"category": numbers[kind], "conf": sure, "bbox": list(box), "classifications": [["7", 0.9]]}
            for kind, sure, box in found
        ]
        entries.append({"file": name, "detections": rows})
    file = folder / "md.json"
    info = {"format_version": "1.4", "detector": "md_v5a", "detector_metadata": {"typical_detection_threshold": 0.3}}
    categories = {number: name for name, number in numbers.items()}
    data = {
        "info": info,
        "detection_categories": categories,
        "classification_categories": {"7": "wolf"},
        "images": entries,
    }
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


ONE, TWO, THREE = (0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.3, 0.3), (0.52, 0.5, 0.3, 0.3)


def test_all_boxes_of_the_detector_stay_and_each_class_is_on_its_own(tmp_path: Path) -> None:
    file = detector(
        tmp_path,
        {
            "s\\1.jpg": [("animal", 0.9, ONE), ("person", 0.8, TWO), ("animal", 0.1, THREE)],
            "s/2.jpg": [("animal", 0.9, TWO), ("animal", 0.6, THREE)],
            "s/3.jpg": [("animal", 0.9, ONE)],
            "s/4.jpg": [],
            "s/5.jpg": None,
            "s/6.jpg": [("person", 0.9, ONE)],
            "s/elsewhere.jpg": [("animal", 0.9, ONE)],
        },
    )
    boxes = {"s/2.jpg#1": Box(*TWO), "s/2.jpg#2": Box(*THREE)}
    ids = ["s/1.jpg", "s/2.jpg#1", "s/2.jpg#2", "s/3.jpg", "s/4.jpg", "s/5.jpg", "s/6.jpg"]
    tops = ["fox", "fox", "boar", "blank", "fox", "fox", "human"]
    found = export(some(ids, tops, {"s/2.jpg#2": "deer"}, boxes), tmp_path, detections=file)
    assert found == {
        "s/1.jpg": [("animal", 0.9, "fox", 0.8), ("person", 0.8, "", 0.0), ("animal", 0.1, "fox", 0.8)],
        "s/2.jpg": [("animal", 0.9, "fox", 0.8), ("animal", 0.6, "deer", 1.0)],
        "s/3.jpg": [("animal", 0.9, "blank", 0.8)],
        "s/4.jpg": [("animal", 1.0, "fox", 0.8)],
        "s/5.jpg": [("animal", 1.0, "fox", 0.8)],
        "s/6.jpg": [("person", 0.9, "human", 0.8)],
    }
    data = read_valid(tmp_path / "recognitionData.json")
    assert data["info"]["detector"] == "md_v5a"
    assert data["info"]["detector_metadata"]["typical_detection_threshold"] == 0.3
    assert "wolf" not in data["classification_categories"].values()


def test_a_box_that_was_widened_is_known_by_what_was_detected(tmp_path: Path) -> None:
    file = detector(tmp_path, {"1.jpg": [("animal", 0.9, ONE), ("animal", 0.8, (0.0, 0.0, 0.6, 0.6))]})
    predictions = some(["1.jpg"], ["fox"], boxes={"1.jpg": Box(0.0, 0.0, 0.5, 0.5)})
    item = replace(predictions.items[0], meta={"detected": "animal 0.900"})
    found = export(replace(predictions, items=[item]), tmp_path, detections=file)
    assert found == {"1.jpg": [("animal", 0.9, "fox", 0.8), ("animal", 0.8, "", 0.0)]}


def test_detections_of_other_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = detector(tmp_path, {"a/1.jpg": []})
    with pytest.raises(FormatError, match=r"None of the 1 images in .*md\.json is in the pool.*a/1\.jpg.*b/2\.jpg"):
        RecognitionJson(file).export(some(["b/2.jpg"], ["fox"]), FakeModel(), tmp_path)
    assert not (tmp_path / "recognitionData.json").exists()
    export(some(["a/1.jpg", "b/2.jpg"], ["fox"] * 2), tmp_path, detections=file)
    assert "1 of 2 images have no entry in" in caplog.text
    with pytest.raises(FormatError, match="does not exist"):
        RecognitionJson(tmp_path / "none.json").export(some(["1.jpg"], ["fox"]), FakeModel(), tmp_path)


def test_boxes_without_the_detectors_file_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    export(some(["1.jpg"], ["fox"], boxes={"1.jpg": Box(*ONE)}), tmp_path)
    assert "exporter.recognition_json.detections" in caplog.text


def test_boxes_that_stick_out_and_integers(tmp_path: Path) -> None:
    file = detector(tmp_path, {"1.jpg": [("animal", 1, (-0.001, 0, 1.001, 1))]})
    assert export(some(["1.jpg"], ["fox"]), tmp_path, detections=file) == {"1.jpg": [("animal", 1.0, "fox", 0.8)]}


@pytest.mark.parametrize(
    "sample",
    [
        "megadetector/ena24-small-md-1.4.json",
        "constructed/recognitionData.json",
        "speciesnet/predictions-full-ensemble.json",
    ],
)
def test_real_files(tmp_path: Path, samples: Path, sample: str) -> None:
    original = read_detections(samples / sample)
    items = [Item(path.lstrip("/"), Path("/") / path) for path in original]
    probs = np.tile(np.array([[0.7, 0.3]], np.float32), (len(items), 1))
    predictions = Predictions(items, probs, ("zebra", "okapi"), [None] * len(items))
    RecognitionJson(samples / sample).export(predictions, FakeModel(), tmp_path)
    images = {image["file"]: image["detections"] for image in read_valid(tmp_path / "recognitionData.json")["images"]}
    assert len(images) == len(items)
    for item, path in zip(items, original, strict=True):
        before, after = original[path], images[item.id]
        assert [round(one.confidence, 3) for one in before] == [one["conf"] for one in after[: len(before)]]
        for one, other in zip(before, after, strict=False):
            assert ("classifications" in other) == (one.category == "animal")
        assert any(one.category == "animal" for one in before) or len(after) == len(before) + 1


def test_timelapse_selects_by_it(tmp_path: Path) -> None:
    pictures = tmp_path / "images"
    names = {"A/IMG_1.JPG": "fox", "A/IMG_2.JPG": "blank", "B/IMG_1.JPG": "boar", "IMG_0.JPG": "fox"}
    for name in names:
        picture(pictures / name)
    template(pictures)
    predictions = some(list(names), list(names.values()), {"B/IMG_1.JPG": "fox"})
    RecognitionJson().export(predictions, FakeModel(), pictures)
    open_set = Timelapse.open(pictures / "TimelapseTemplate.tdb")
    said = open_set.import_recognition()
    assert said.imported
    assert not said.dialogs
    assert not said.message
    assert sorted(said.images) == sorted(names)
    (fox,) = (number for number, name in class_names(open_set.ddb).items() if name == "fox")
    certain = {
        "DetectionCategoryNumber": "1",
        "DetectionConfidenceLowerForUI": 0.2,
        "DetectionConfidenceHigherForUI": 1.0,
        "ClassificationCategoryNumbers": [fox],
        "ClassificationConfidenceLowerForUI": 0.9,
        "ClassificationConfidenceHigherForUI": 1.0,
    }
    assert [row["File"] for row in open_set.select_recognised(**certain)] == ["IMG_1.JPG"]
    found = open_set.select_recognised(**certain | {"ClassificationConfidenceLowerForUI": 0.5})
    assert sorted((row["RelativePath"], row["File"]) for row in found) == [
        ("", "IMG_0.JPG"),
        ("A", "IMG_1.JPG"),
        ("B", "IMG_1.JPG"),
    ]
