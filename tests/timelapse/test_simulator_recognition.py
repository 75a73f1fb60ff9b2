"""The simulated import of recognitions follows the documented rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.timelapse import recognition
from tests.timelapse.conftest import picture, template
from tests.timelapse.database import connected, tables
from tests.timelapse.recognition import Recognised
from tests.timelapse.simulator import Timelapse

TDB = "TimelapseTemplate.tdb"


@pytest.fixture
def timelapse(tmp_path: Path) -> Timelapse:
    for name in ("S1/D1/IMG_001.jpg", "S1/D1/IMG_002.jpg", "S1/IMG_001.jpg"):
        picture(tmp_path / name)
    (tmp_path / "S1" / "film.mp4").write_bytes(b"")
    template(tmp_path)
    return Timelapse.open(tmp_path / TDB)


def file(**changes: Any) -> dict[str, Any]:
    return {
        "info": {"format_version": "1.5", "detector_metadata": {}},
        "detection_categories": {"1": "animal", "2": "person"},
        "classification_categories": {"0": "red fox", "1": "wild boar"},
        "images": [found("S1/D1/IMG_001.jpg", ("0", 0.81), ("1", 0.12)), {"file": "S1/IMG_001.jpg", "detections": []}],
        **changes,
    }


def found(path: str, *classes: tuple[Any, float], conf: float = 0.9) -> dict[str, Any]:
    one = {"category": "1", "conf": conf, "bbox": [0.1, 0.2, 0.3, 0.4], "classifications": [list(c) for c in classes]}
    return {"file": path, "detections": [one]}


def take(timelapse: Timelapse, said: Any, name: str = "recognitionData.json") -> Recognised:
    target = timelapse.root / name
    target.write_text(json.dumps(said), "utf-8")
    return timelapse.import_recognition(target)


def detections(timelapse: Timelapse) -> list[tuple[Any, ...]]:
    with connected(timelapse.ddb) as data:
        if "Detections" not in tables(data):
            return []
        return data.execute(
            "SELECT Id, category, conf, bbox, classification, classification_conf FROM Detections ORDER BY Id"
        ).fetchall()


def test_the_sample_fills_the_tables_as_the_constructed_ones(samples: Path, tmp_path: Path) -> None:
    shutil.copy(samples / "constructed" / "mini-data.ddb", tmp_path)
    shutil.copy(samples / "constructed" / "mini-template.tdb", tmp_path)
    said = json.loads((samples / "constructed" / "recognitionData.json").read_text())
    for image, name in zip(said["images"], ("A/B/IMG_1.JPG", "A\\B\\IMG_2.JPG"), strict=True):
        image["file"] = name
    del said["classification_category_descriptions"]
    said["info"]["classifier"] = "alframe round 1"
    timelapse = Timelapse.open(tmp_path / "mini-data.ddb")
    result = take(timelapse, said)
    assert (result.imported, result.dialogs, result.images) == (True, [], ["A/B/IMG_1.JPG", "A/B/IMG_2.JPG"])
    wanted = samples / "constructed" / "mini-data-with-recognitions.ddb"
    with connected(timelapse.ddb) as made, connected(Path(shutil.copy(wanted, tmp_path / "wanted.db"))) as real:
        for table in ("Info", "DetectionCategories", "ClassificationCategories", "Detections", "DetectionsVideo"):
            order = f"SELECT * FROM {table} ORDER BY 1"
            assert made.execute(order).fetchall() == real.execute(order).fetchall(), table


def test_classes_below_the_threshold_are_dropped_and_the_best_is_kept(timelapse: Timelapse) -> None:
    for metadata, limit in (({}, 0.2), ({"typical_classification_threshold": 0.75}, 0.3), (None, 0.03)):
        info = {"format_version": "1.5"} if metadata is None else {"classifier_metadata": metadata}
        for sure, kept in ((limit - 0.001, None), (limit, limit)):
            images = [found("S1/D1/IMG_001.jpg", ("1", 0.01), ("0", sure))]
            assert take(timelapse, file(info=info, images=images)).imported
            (row,) = detections(timelapse)
            assert row[5] == kept
    images = [found("S1/D1/IMG_001.jpg", ("1", 0.06), ("0", 0.0508))]
    take(timelapse, file(info={"classifier_metadata": {"typical_classification_threshold": 0.05}}, images=images))
    assert detections(timelapse)[0][4:] == (1, 0.06), "a number, by the affinity of STRING"
    take(timelapse, file(images=[found("S1/D1/IMG_001.jpg", conf=0.029)]))
    assert detections(timelapse)[0][1:] == (0, 0.0, "", None, None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"info": None}, None),
        ({"detection_categories": None}, "no detection_categories"),
        ({"images": [found("S1/D1/IMG_001.jpg", (0, 0.8))]}, "is no string"),
        ({"images": [{"file": "S1/IMG_001.jpg", "detections": [{"classifications": None}]}]}, "is null"),
        ({"images": [found("s1/d1/IMG_001.jpg")]}, "no folder"),
        ({"images": [found("/somewhere/S1/D1/IMG_001.jpg")]}, "no folder"),
        ({"detection_categories": {"x": "animal"}}, "unreadable"),
        ({"images": None}, "unreadable"),
    ],
)
def test_what_is_not_imported(timelapse: Timelapse, change: dict[str, Any], says: str | None) -> None:
    said = {key: value for key, value in file(**change).items() if value is not None or key == "images"}
    result = take(timelapse, said)
    assert not result.imported
    assert result.message == "" if says is None else says in result.message
    assert detections(timelapse) == []


def test_dialogs_of_unlucky_names(timelapse: Timelapse) -> None:
    assert take(timelapse, file()).dialogs == []
    assert take(timelapse, file(), "image_recognition_file.json").dialogs
    assert take(timelapse, file(classification_categories={"0": "animal", "1": "x"})).dialogs
    assert take(timelapse, file(classification_categories={"0": "x", "1": "x"})).dialogs


def test_failures_and_other_files(timelapse: Timelapse) -> None:
    images = [
        {"file": "S1/D1/IMG_001.jpg", "detections": None, "failure": "broken"},
        {"file": "S1/D1/IMG_002.jpg", "failure": "broken"},
        {"file": "S1/nowhere.jpg", "detections": []},
        found("S1/film.mp4"),
    ]
    assert take(timelapse, file(images=images)).images == ["S1/D1/IMG_002.jpg", "S1/film.mp4"]
    empty = {*timelapse.find("S1/D1/IMG_002.jpg"), *timelapse.find("S1/film.mp4")}
    assert {row[0] for row in detections(timelapse)} == empty, "a failure without the key; a film without frames"
    assert {row[1] for row in detections(timelapse)} == {0}
    images = [{**found("S1/film.mp4"), "frame_rate": 5.0}]
    images[0]["detections"][0]["frame_number"] = 3
    take(timelapse, file(images=images))
    with connected(timelapse.ddb) as data:
        assert data.execute("SELECT frame_number, frame_rate FROM DetectionsVideo").fetchall() == [(3, 5.0)]


def test_a_second_import_replaces_the_images_it_names(timelapse: Timelapse) -> None:
    take(timelapse, file())
    images = [found("S1/D1/IMG_001.jpg", ("5", 0.5)), found("S1/D1/IMG_002.jpg", ("1", 0.7))]
    changed = file(images=images, classification_categories={"5": "wild boar", "1": "deer"})
    assert take(timelapse, changed).imported
    names = recognition.names(timelapse.ddb)
    by_image = {row[0]: names.get(str(row[4])) for row in detections(timelapse)}
    assert by_image == {
        timelapse.find("S1/D1/IMG_001.jpg")[0]: "wild boar",
        timelapse.find("S1/D1/IMG_002.jpg")[0]: "deer",
        timelapse.find("S1/IMG_001.jpg")[0]: None,
    }
    images.append({"file": "S1/IMG_001.jpg", "detections": None})
    assert "cannot be merged" in take(timelapse, changed).message


def test_selecting_by_class_and_confidence(timelapse: Timelapse) -> None:
    images = [
        found("S1/D1/IMG_001.jpg", ("0", 0.8)),
        found("S1/D1/IMG_002.jpg", ("0", 0.4)),
        found("S1/IMG_001.jpg", ("0", 0.9), conf=0.1),
    ]
    take(timelapse, file(images=images))
    rows = timelapse.select_recognised(ClassificationCategoryNumbers=["0"])
    assert [row["File"] for row in rows] == ["IMG_001.jpg"], "the third's box is below the range of the detections"
    rows = timelapse.select_recognised(ClassificationConfidenceLowerForUI=0.3, ClassificationCategoryNumbers=["0"])
    assert len(rows) == 2
    timelapse.close()
    assert Timelapse.open(timelapse.ddb).custom
    with connected(timelapse.ddb) as data:
        data.execute("DELETE FROM Detections")
    again = Timelapse.open(timelapse.ddb)
    assert not again.custom
    with connected(timelapse.ddb) as data:
        assert "Detections" not in tables(data), "tables without detections are dropped"
