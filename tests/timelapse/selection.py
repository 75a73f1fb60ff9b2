"""The saved selection, sort order and QuickPaste entries of a set: when they are honoured, and what they mean."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.timelapse import values
from tests.timelapse.template import Control

OPERATORS = ("=", "≠", "<", ">", "≤", "≥", " GLOB ", " ^GLOB ", " Includes ", " Excludes ")
Row = dict[str, Any]


def everything(controls: Sequence[Control]) -> dict[str, Any]:
    """A custom selection without any condition."""
    terms = []
    for control in controls:
        operators = ["≥", "≤"] if control.type == "DateTime" else ["="]
        choices = ["", *control.choices] if control.type in ("FixedChoice", "MultiChoice") else []
        terms += [
            {
                "ControlType": control.type,
                "DatabaseValue": "",
                "DataLabel": control.data_label,
                "Label": control.label,
                "List": choices,
                "Operator": operator,
                "UseForSearching": False,
            }
            for operator in operators
        ]
    recognition = {
        "UseRecognition": False,
        "InterpretAllDetectionsAsEmpty": False,
        "AllDetections": True,
        "RankByDetectionConfidence": False,
        "RankByClassificationConfidence": False,
        "DetectionCategoryNumber": "-1",
        "ClassificationCategoryNumbers": [],
        "SelectedTaxonNode": "",
        "DetectionConfidenceHigherForUI": 1.0,
        "DetectionConfidenceLowerForUI": 0.2,
        "ClassificationConfidenceHigherForUI": 1.0,
        "ClassificationConfidenceLowerForUI": 0.5,
    }
    return {
        "SearchTerms": terms,
        "RandomSample": 0,
        "UseTimeInsteadOfDate": False,
        "TermCombiningOperator": 0,
        "ShowMissingDetections": False,
        "RecognitionSelections": recognition,
        "EpisodeShowAllIfAnyMatch": False,
        "EpisodeNoteField": "",
    }


def restored(text: str | None, controls: Sequence[Control], detections: bool) -> dict[str, Any] | None:
    """The saved selection, or None where Timelapse silently shows all files."""
    try:
        said = json.loads(text or "{}")
        return _honoured(said, controls, detections)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _honoured(said: dict[str, Any], controls: Sequence[Control], detections: bool) -> dict[str, Any] | None:
    terms, recognition = said.get("SearchTerms"), said.get("RecognitionSelections")
    if not terms or not recognition:
        return None
    if not recognition.get("AllDetections"):
        int(recognition["DetectionCategoryNumber"])
    if recognition.get("UseRecognition") and not detections:
        return None
    if {term["DataLabel"] for term in terms} != {control.data_label for control in controls}:
        return None
    if sorted(term["Operator"] for term in terms if term["DataLabel"] == "DateTime") != ["≤", "≥"]:
        return None
    by_name = {control.data_label: control for control in controls}
    for term in terms:
        control = by_name[term["DataLabel"]]
        if term["Operator"] not in OPERATORS or term["ControlType"] != control.type:
            return None
        if control.type not in ("FixedChoice", "MultiChoice"):
            continue
        if term["List"] and set(term["List"]) != {"", *control.choices}:
            return None
        if term["DatabaseValue"] and term["DatabaseValue"] not in control.choices:
            return None
        if not control.include_empty:
            return None
    return {**said, "RandomSample": 0, "ShowMissingDetections": False}


def selected(search: dict[str, Any], rows: Sequence[Row]) -> list[Row]:
    terms = [term for term in search["SearchTerms"] if term["UseForSearching"]]
    if not terms:
        return list(rows)
    agree = any if search.get("TermCombiningOperator") == 1 else all
    return [row for row in rows if agree(_holds(term, str(row[term["DataLabel"]] or "")) for term in terms)]


def _holds(term: dict[str, Any], value: str) -> bool:
    wanted, operator = term["DatabaseValue"], term["Operator"]
    if term["ControlType"] in ("Flag", "DeleteFlag"):
        value, wanted = value.lower(), wanted.lower()
    if operator in ("=", "≠"):
        return (value == wanted) == (operator == "=")
    if operator.endswith("GLOB "):
        return fnmatch.fnmatchcase(value, wanted) != operator.startswith(" ^")
    if operator in (" Includes ", " Excludes "):
        parts = value.split(",") if value else []
        return set(wanted.split(",")).issubset(parts) == (operator == " Includes ")
    left: Any = value
    right: Any = wanted
    if term["ControlType"] in ("Counter", *values.NUMBERS):
        if not value or not wanted:
            return False
        left, right = float(value), float(wanted)
    return bool({"<": left < right, ">": left > right, "≤": left <= right, "≥": left >= right}[operator])


@dataclass(frozen=True)
class Key:
    data_label: str
    kind: str
    ascending: bool


def sort_keys(text: str | None, controls: Sequence[Control]) -> list[Key]:
    """The keys of a saved order; the default, path and time, where a name in it is unknown."""
    default = [Key("RelativePath", "RelativePath", True), Key("DateTime", "DateTime", True)]
    kinds = {"Id": "Id", **{control.data_label: control.type for control in controls}}
    try:
        said = [(term["DataLabel"], term["IsAscending"]) for term in json.loads(text or "[]")]
    except (ValueError, TypeError, KeyError):
        return default
    said = [(name, ascending) for at, (name, ascending) in enumerate(said[:2]) if name or not at]
    if not said or any(name not in kinds for name, _ in said):
        return default
    if any(ascending not in ("true", "false") for _, ascending in said):
        return default
    return [Key(name, kinds[name], ascending == "true") for name, ascending in said]


def ordered(rows: Sequence[Row], keys: Sequence[Key]) -> list[Row]:
    result = sorted(rows, key=lambda row: row["Id"])
    for key in reversed(keys):
        result.sort(key=lambda row, key=key: _sorted_by(row, key), reverse=not key.ascending)
    return result


def _sorted_by(row: Row, key: Key) -> Any:
    value = row[key.data_label]
    if key.kind == "Id":
        return value
    if key.data_label == "File":
        return f"{row['RelativePath']}\\{value}" if row["RelativePath"] else value
    if key.kind in ("Counter", "IntegerAny", "IntegerPositive"):
        return int(value) if value else -1
    if key.kind in ("DecimalAny", "DecimalPositive"):
        return float(value) if value else -1.0
    return value or ""


def quickpaste(text: str | None, controls: Sequence[Control]) -> list[dict[str, Any]]:
    """The entries that are kept, with items for the other visible fields added."""
    shown = {control.data_label: control for control in controls if control.visible}
    try:
        said = json.loads(text or "[]")
        entries = []
        for entry in said:
            items = [item for item in entry["Items"] if item["DataLabel"] in shown]
            if not any(item["Use"] for item in items):
                continue
            for name in shown.keys() - {item["DataLabel"] for item in items} - {"File", "RelativePath"}:
                control = shown[name]
                items.append(
                    {
                        "DataLabel": name,
                        "Label": control.label,
                        "Use": False,
                        "Value": control.default,
                        "ControlType": control.type,
                    }
                )
            entries.append({"Title": str(entry["Title"]), "Items": items})
        return entries
    except (ValueError, TypeError, KeyError):
        return []
