"""Recognition files as their readers see them: MegaDetector's validator and Timelapse's import."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

VIDEOS = (".mp4", ".avi", ".mov", ".asf", ".mkv")


def read_valid(file: Path) -> dict[str, Any]:
    """The file, once it has passed every rule of the format 1.5 and of 1.6."""
    data = json.loads(file.read_text("utf-8"), parse_constant=lambda word: refuse(f"{word} is no JSON"))
    for version in (float(data["info"]["format_version"]), 1.6):
        _validate(data, version)
    return data


def refuse(why: str) -> None:
    raise AssertionError(why)


def _validate(data: dict[str, Any], version: float) -> None:
    assert set(data) <= {"info", "images", "detection_categories", "classification_categories"}
    assert isinstance(data["info"], dict)
    assert float(data["info"]["format_version"]) >= 1.3
    assert isinstance(data["info"]["format_version"], str)
    categories, classes = data["detection_categories"], data["classification_categories"]
    for names in (categories, classes):
        assert isinstance(names, dict)
        for number, name in names.items():
            assert int(number) >= 0
            assert isinstance(name, str)
            assert version < 1.6 or name.strip()
    assert isinstance(data["images"], list)
    for image in data["images"]:
        assert isinstance(image["file"], str)
        assert not image["file"].lower().endswith(VIDEOS)
        assert "failure" not in image
        assert isinstance(image["detections"], list)
        for found in image["detections"]:
            assert found["category"] in categories
            assert isinstance(found["conf"], float)
            assert 0 <= found["conf"] <= 1
            assert len(found["bbox"]) == 4
            assert all(isinstance(one, float) and 0 <= one <= 1 for one in found["bbox"])
            pairs = found.get("classifications", [])
            assert isinstance(pairs, list)
            for number, confidence in pairs:
                assert isinstance(number, str)
                assert number in classes
                assert isinstance(confidence, float)
                assert 0 <= confidence <= 1
            assert [confidence for _, confidence in pairs] == sorted((one[1] for one in pairs), reverse=True)


def imported(file: Path, images: Collection[str]) -> dict[str, list[tuple[str, float, str, float]]]:
    """What Timelapse has after importing the file into a set of `images` (relative paths).

    Image -> (category, confidence, class or "", class confidence); an image found empty has no detections, and one
    that is missing here is as it was before.
    """
    data = json.loads(file.read_text("utf-8"))
    info = data["info"]
    categories, classes = data["detection_categories"], data.get("classification_categories", {})
    for names in (categories, classes):
        assert len({name.casefold() for name in names.values()}) == len(names), "a dialog: a name is there twice"
    assert not {name.casefold() for name in classes.values()} & {
        "empty",
        *(name.casefold() for name in categories.values()),
    }, "a dialog: the file is taken for a faulty one"
    folders = {image.rpartition("/")[0] for image in images}
    named = {entry["file"].replace("\\", "/").rpartition("/")[0] for entry in data["images"]}
    assert folders & named or not data["images"], "nothing is imported: no folder is in the image set"
    typical = info.get("classifier_metadata", {"typical_classification_threshold": 0})
    least_class = max(0.03, typical.get("typical_classification_threshold", 0.5) / 2.5)
    conservative = info.get("detector_metadata", {}).get("conservative_detection_threshold", 0.05)
    least = max(0.03, conservative / 2.5)
    found: dict[str, list[tuple[str, float, str, float]]] = {}
    for entry in data["images"]:
        name = entry["file"].replace("\\", "/")
        if name not in images or not name.lower().endswith((".jpg", ".jpeg")):
            continue
        if "detections" in entry and entry["detections"] is None:
            continue
        rows = []
        for one in entry.get("detections", []):
            if round(one["conf"], 3) < least:
                continue
            assert one.get("classifications", []) is not None, "the file is unreadable"
            pairs = [(classes[number], round(sure, 3)) for number, sure in one.get("classifications", [])]
            best = max((pair for pair in pairs if pair[1] >= least_class), key=lambda pair: pair[1], default=("", 0.0))
            rows.append((categories[one["category"]], round(one["conf"], 3), *best))
        found[name] = rows
    return found
