"""Format the first view of an image set: the saved selection, the sort order and the keyboard shortcuts for labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from alframe.formats.timelapse.schema import CHOICE_TYPES, INTEGER_AND_DECIMAL_TYPES, Field

MAX_SHORTCUTS = 18  # Ctrl+1 to Ctrl+9, and with Shift as many again
_RECOGNITIONS = {
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


def format_search_terms(fields: Sequence[Field], flag: str) -> str:
    """Return the text that selects all records whose Flag `flag` is true. `fields` are all fields of the template.

    Timelapse forgets a selection if one of the fields is missing, or if its lists differ from the template.
    """
    selection = {
        "SearchTerms": [term for field in fields for term in _search_terms_of(field, field.data_label == flag)],
        "RandomSample": 0,
        "UseTimeInsteadOfDate": False,
        "TermCombiningOperator": 0,
        "ShowMissingDetections": False,
        "RecognitionSelections": _RECOGNITIONS,
        "EpisodeShowAllIfAnyMatch": False,
        "EpisodeNoteField": "",
    }
    return json.dumps(selection, ensure_ascii=False)


def format_sort_terms(*by: Field) -> str:
    """Return the text of an ascending order by one field or two; `Field("", "Id")` is the order of the records."""
    names = [(field.data_label, field.display_label, field.type) for field in (*by, Field("", ""))[:2]]
    keys = ("DataLabel", "DisplayLabel", "ControlType", "IsAscending")
    return json.dumps([dict(zip(keys, (*name, "true"), strict=True)) for name in names], ensure_ascii=False)


def format_quick_paste(field: Field, values: Sequence[str]) -> str:
    """Return the text of a shortcut for each value of `field`: Ctrl+1, Ctrl+2, ... as long as there are keys."""
    item = {"DataLabel": field.data_label, "Label": field.display_label, "Use": True}
    items = [item | {"Value": value, "ControlType": field.type} for value in values[:MAX_SHORTCUTS]]
    return json.dumps([{"Title": entry["Value"], "Items": [entry]} for entry in items], ensure_ascii=False)


def _search_terms_of(field: Field, used: bool) -> Iterator[dict[str, Any]]:
    is_number = field.type in INTEGER_AND_DECIMAL_TYPES or field.type == "Counter"
    has_default = field.type in {"DateTime", "DateTime_", "Date_", "Time_", "Flag", "DeleteFlag"}
    default = "0" if is_number else field.default if has_default else ""
    for operator in ("≥", "≤") if field.type == "DateTime" else (">" if is_number else "=",):
        yield {
            "ControlType": field.type,
            "DatabaseValue": "true" if used else default,
            "DataLabel": field.data_label,
            "Label": field.display_label,
            "List": ["", *field.choices] if field.type in CHOICE_TYPES and field.choices else [],
            "Operator": operator,
            "UseForSearching": used,
        }
