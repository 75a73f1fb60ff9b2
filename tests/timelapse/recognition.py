"""Import of recognitions, and selecting by them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from tests.timelapse.database import WAIT, connected, tables, writing

TABLES = (
    "CREATE TABLE Info ( infoID INTEGER PRIMARY KEY, detector STRING, megadetector_version STRING DEFAULT 'vUnknown', "
    "detection_completion_time STRING, classifier STRING, classification_completion_time STRING, "
    "typical_detection_threshold REAL DEFAULT '0.2', conservative_detection_threshold REAL DEFAULT '0.05', "
    "typical_classification_threshold REAL DEFAULT '0.5' )",
    "CREATE TABLE DetectionCategories ( category STRING PRIMARY KEY, label STRING )",
    "CREATE TABLE ClassificationCategories ( classification STRING PRIMARY KEY, label STRING, "
    "description STRING DEFAULT '' )",
    "CREATE TABLE Detections ( detectionID INTEGER PRIMARY KEY, category STRING, conf REAL, bbox STRING, "
    "classification STRING, classification_conf REAL, Id INTEGER, "
    "FOREIGN KEY ( Id ) REFERENCES DataTable ( Id ) ON DELETE CASCADE )",
    "CREATE TABLE DetectionsVideo ( frame_number INTEGER, frame_rate REAL, detectionID INTEGER, "
    "FOREIGN KEY ( detectionID ) REFERENCES Detections ( detectionID ) ON DELETE CASCADE )",
    "CREATE TABLE Classifications ( classificationID INTEGER PRIMARY KEY, category STRING, conf REAL, "
    "detectionID INTEGER )",
    "CREATE INDEX IndexDetectionID ON Detections ( Id )",
    "CREATE INDEX IndexDetectionVideoID ON DetectionsVideo ( detectionID )",
    "CREATE INDEX IndexDetectionsClassificationConfidence ON Detections "
    "( classification, conf, classification_conf, Id )",
)


class _Unusable(Exception):
    """The import ends here, with this message."""


@dataclass
class Recognised:
    """What an import of recognitions did, and said."""

    imported: bool = False
    message: str = ""  # may be empty: some imports end without a word
    dialogs: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)  # relative paths, POSIX


def import_into(ddb: Path, file: Path, wait: float = WAIT) -> Recognised:
    """Merge a recognition file into a set."""
    result = Recognised()
    try:
        said = json.loads(file.read_text("utf-8"))
        if not isinstance(said, dict) or not isinstance(said.get("images"), list):
            raise _Unusable("the file is unreadable")
        if "info" not in said:
            return result
        if file.name == "image_recognition_file.json":
            result.dialogs.append("probably the wrong file of AddaxAI")
        _check(said, result)
        prefix = _prefix(ddb.parent, file)
        with writing(ddb, wait) as data:
            _merge(data, said, prefix, result)
    except (OSError, ValueError) as error:
        result.message = f"the file is unreadable: {error}"
    except _Unusable as reason:
        result.message = str(reason)
    else:
        result.imported = True
    return result


def _check(said: dict[str, Any], result: Recognised) -> None:
    found = said.get("detection_categories")
    classes = said.get("classification_categories") or {}
    if not isinstance(found, dict):
        raise _Unusable("there are no detection_categories")
    for one in (found, classes):
        for number in one:
            int(number)
        if len(set(one.values())) < len(one):
            result.dialogs.append("two categories have the same name")
    if classes and classes[min(classes)] in found.values():
        result.dialogs.append("detections and classifications share a name: a faulty AddaxAI file")
    for image in said["images"]:
        for detection in image.get("detections") or []:
            if "classifications" in detection and detection["classifications"] is None:
                raise _Unusable("the file is unreadable: classifications is null")
            for number, _ in detection.get("classifications", []):
                if not isinstance(number, str):
                    raise _Unusable(f"the class id {number!r} is no string")


def _prefix(root: Path, file: Path) -> str:
    """The folder of a file below the root, to which its paths may be relative."""
    folder = file.resolve().parent
    inside = folder != root.resolve() and root.resolve() in folder.parents
    return folder.relative_to(root.resolve()).as_posix() if inside else ""


def _merge(data: sqlite3.Connection, said: dict[str, Any], prefix: str, result: Recognised) -> None:
    ids: dict[str, int] = {}
    folders = set()
    for number, folder, name in data.execute("SELECT Id, RelativePath, File FROM DataTable ORDER BY Id DESC"):
        folders.add(folder)
        ids["/".join(filter(None, (*folder.split("\\"), name)))] = number
    images = [(_path(image["file"], prefix, ids), image) for image in said["images"]]
    if not any(path.rpartition("/")[0].replace("/", "\\") in folders for path, _ in images):
        raise _Unusable("no folder of the file is a folder of this set")
    if "Detections" not in tables(data):
        for statement in TABLES:
            data.execute(statement)
    found, moved = _categories(data, "DetectionCategories", "category", {**said["detection_categories"]})
    classes, moved_too = _categories(
        data,
        "ClassificationCategories",
        "classification",
        {**(said.get("classification_categories") or {})},
        said.get("classification_category_descriptions") or {},
    )
    if (moved or moved_too) and any("detections" in image and image["detections"] is None for _, image in images):
        raise _Unusable("null detections cannot be merged")
    limits = _info(data, said["info"])
    for path, image in images:
        if path not in ids or ("detections" in image and image["detections"] is None):
            continue
        suffix = PurePosixPath(path).suffix.lower()
        video = suffix in (".avi", ".mp4", ".asf", ".mov")
        if suffix not in (".jpg", ".jpeg") and not video:
            continue
        data.execute("DELETE FROM Detections WHERE Id = ?", (ids[path],))
        kept = 0
        for detection in image.get("detections") or []:
            frame = (detection.get("frame_number", -1), image.get("frame_rate") or 0)
            if video and (frame[0] < 0 or frame[1] <= 0):
                continue
            kept += _detection(data, ids[path], detection, limits, found, classes, frame if video else None)
        if not kept:
            data.execute(
                "INSERT INTO Detections (category, conf, bbox, Id) VALUES ('0', 0, '', ?)",
                (ids[path],),
            )
        result.images.append(path)


def _path(text: str, prefix: str, ids: dict[str, int]) -> str:
    path = text.replace("\\", "/")
    below = f"{prefix}/{path}"
    return below if prefix and below in ids else path


def _categories(
    data: sqlite3.Connection, table: str, key: str, said: dict[str, str], more: dict[str, str] | None = None
) -> tuple[dict[str, str], bool]:
    """Numbers in the file -> numbers in the set, by name; and whether any differ."""
    have = {str(name): str(number) for number, name in data.execute(f"SELECT {key}, label FROM {table}")}
    if table == "DetectionCategories" and "0" not in said and "0" not in have.values():
        data.execute("INSERT INTO DetectionCategories VALUES ('0', 'Empty')")
        have["Empty"] = "0"
    numbers = {}
    for number, name in said.items():
        if name not in have:
            taken = set(have.values())
            have[name] = number if number not in taken else str(max(map(int, taken)) + 1)
            extra = (more.get(number, ""),) if more is not None else ()
            marks = ", ".join("?" * (2 + len(extra)))
            data.execute(f"INSERT INTO {table} VALUES ({marks})", (have[name], name, *extra))
        numbers[number] = have[name]
    return numbers, any(number != other for number, other in numbers.items())


def _info(data: sqlite3.Connection, info: dict[str, Any]) -> tuple[float, float]:
    """Combine what is said of detector and classifier; the limits below which this file's results are dropped."""
    detector = info.get("detector_metadata") or {}
    typical = detector.get("typical_detection_threshold", 0.2)
    conservative = detector.get("conservative_detection_threshold", 0.05)
    classifier = info.get("classifier_metadata")
    classification = (classifier or {}).get("typical_classification_threshold", 0.5)
    lowest = 0.03 if classifier is None else max(0.03, classification / 2.5)
    row = (
        *(info.get("detector"), detector.get("megadetector_version", "vUnknown")),
        *(info.get("detection_completion_time"), info.get("classifier"), info.get("classification_completion_time")),
    )
    thresholds = (typical, conservative, classification)
    old = data.execute("SELECT * FROM Info").fetchone()
    if old:
        newer = str(row[1]) >= str(old[2])
        row = row if newer else old[1:6]
        thresholds = tuple(map(min, thresholds, old[6:]))
        data.execute("DELETE FROM Info")
    data.execute("INSERT INTO Info VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, *thresholds))
    return max(0.03, conservative / 2.5), lowest


def _detection(
    data: sqlite3.Connection,
    record: int,
    detection: dict[str, Any],
    limits: tuple[float, float],
    found: dict[str, str],
    classes: dict[str, str],
    frame: tuple[int, float] | None,
) -> int:
    conf = round(float(detection["conf"]), 3)
    if conf < limits[0]:
        return 0
    x, y, width, height = detection["bbox"]
    box = ", ".join(str(round(value, 3)) for value in (x - 0.002, y - 0.002, width + 0.004, height + 0.004))
    kept = [(sure, number) for number, sure in detection.get("classifications", []) if sure >= limits[1]]
    sure, number = max(kept, key=lambda pair: pair[0], default=(None, None))
    added = data.execute(
        "INSERT INTO Detections (category, conf, bbox, classification, classification_conf, Id) VALUES (?,?,?,?,?,?)",
        (
            *(found[detection["category"]], conf, box),
            *((None, None) if number is None else (classes[number], round(sure, 3))),
            record,
        ),
    ).lastrowid
    if frame is not None:
        data.execute("INSERT INTO DetectionsVideo VALUES (?, ?, ?)", (*frame, added))
    return 1


def matching(data: sqlite3.Connection, asked: dict[str, Any]) -> set[int]:
    """The Ids of the records with a detection that the RecognitionSelections ask for."""
    if "Detections" not in tables(data):
        return set()
    low, high = asked["DetectionConfidenceLowerForUI"], asked["DetectionConfidenceHigherForUI"]
    category = str(asked["DetectionCategoryNumber"])
    wanted = {str(number) for number in asked["ClassificationCategoryNumbers"]}
    low_class, high_class = asked["ClassificationConfidenceLowerForUI"], asked["ClassificationConfidenceHigherForUI"]
    result = set()
    for record, number, conf, class_number, sure in data.execute(
        "SELECT Id, category, conf, classification, classification_conf FROM Detections"
    ):
        if str(number) == "0":
            if category == "0":
                result.add(record)
            continue
        # Boxes outside of the range of the detections hide their classes.
        if not low <= conf <= high or category not in ("-1", str(number)):
            continue
        if wanted and (str(class_number) not in wanted or not low_class <= (sure or 0) <= high_class):
            continue
        result.add(record)
    return result


def names(ddb: Path) -> dict[str, str]:
    """Number -> name of the classes of a set."""
    with connected(ddb) as data:
        if "ClassificationCategories" not in tables(data):
            return {}
        return {
            str(key): str(name)
            for key, name in data.execute("SELECT classification, label FROM ClassificationCategories")
        }
