"""What people answered in Label Studio: tasks with annotations, from the server or the exports JSON and JSON-MIN."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alframe_labelstudio.labelling_config import NEW_CLASS

# Other fields change by themselves, such as "created_ago".
HASHED_FIELDS = ("id", "result", "was_cancelled", "created_at", "updated_at")
# The fields of a row of JSON-MIN that are neither of the task's data nor answers.
MIN_FIELDS = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one person answered to one task; `classes` is empty if it was submitted without a choice."""

    annotator: str
    classes: tuple[str, ...]
    is_skipped: bool
    time: datetime | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task, with the last annotation of each person, and whether there is only a draft of an answer."""

    id: int
    data: Mapping[str, Any]
    annotations: tuple[Annotation, ...]
    has_only_draft: bool = False
    created: str = ""


def read_task(raw: Mapping[str, Any], choices: str, name_of: Callable[[int], str]) -> Task:
    """Return a task of the API or of the export JSON; raises KeyError or TypeError if it is none.

    `choices` is the name of the Choices tag that counts, and `name_of` gives the name of a person of this number.
    """
    annotations = [
        Annotation(
            annotator=_name_annotator(each.get("completed_by"), name_of),
            classes=tuple(_read_result(each["result"], choices)),
            is_skipped=bool(each.get("was_cancelled")),
            time=_read_time(each.get("updated_at") or each.get("created_at")),
            content_hash=hash_annotation(each),
        )
        for each in raw["annotations"]
    ]
    drafts = [draft for draft in raw.get("drafts") or () if not isinstance(draft, dict) or draft.get("result")]
    return Task(
        int(raw["id"]),
        raw["data"],
        _last_of_each(annotations),
        bool(drafts) and not annotations,
        str(raw.get("created_at", "")),
    )


def read_min_tasks(rows: Iterable[Mapping[str, Any]], choices: str) -> list[Task]:
    """Return the tasks of the export JSON-MIN, whose rows are annotations. It does not contain skipped ones.

    Raises KeyError or TypeError if it is none.
    """
    rows_of_task: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        rows_of_task.setdefault(int(row["id"]), []).append(row)
    tasks = []
    for number, answers in rows_of_task.items():
        annotations = [
            Annotation(
                annotator=_name_annotator(row["annotator"], str),
                classes=(*_read_min_cell(row.get(choices)), *_read_min_cell(row.get(NEW_CLASS))),
                is_skipped=False,
                time=_read_time(row.get("updated_at") or row.get("created_at")),
                content_hash="",
            )
            for row in answers
            if row["annotation_id"] is not None
        ]
        data = {key: value for key, value in answers[0].items() if key not in MIN_FIELDS}
        tasks.append(Task(number, data, _last_of_each(annotations)))
    return tasks


def choice_tags(raw_tasks: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of the Choices tags with which annotations of the export JSON answer."""
    return {
        part["from_name"]
        for task in raw_tasks
        for annotation in task["annotations"]
        for part in annotation["result"]
        if part.get("type") == "choices"
    }


def hash_annotation(raw: Mapping[str, Any]) -> str:
    """Return the BLAKE2b hash of what an annotation says, in hexadecimal."""
    said = json.dumps({field: raw.get(field) for field in HASHED_FIELDS}, sort_keys=True)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def _last_of_each(annotations: Iterable[Annotation]) -> tuple[Annotation, ...]:
    """Return the last annotation of each person, the latest at the end; a later one corrects an earlier one."""
    ordered = sorted(annotations, key=lambda each: each.time.timestamp() if each.time else 0.0)
    return tuple({each.annotator: each for each in ordered}.values())


def _read_result(result: Iterable[Mapping[str, Any]], choices: str) -> list[str]:
    """Return the class names in the result of an annotation, each once."""
    names: list[str] = []
    for part in result:
        if part.get("type") == "choices" and part.get("from_name") == choices:
            # With allowNested, a choice comes with the names above it.
            names += [name if isinstance(name, str) else name[-1] for name in part["value"]["choices"]]
        elif part.get("type") == "textarea" and part.get("from_name") == NEW_CLASS:
            text = part["value"]["text"]
            names += [text] if isinstance(text, str) else text
    return list(dict.fromkeys(name for name in names if name.strip()))


def _read_min_cell(cell: Any) -> list[str]:
    """Return the class names in a cell: a text, a list of texts, or several choices."""
    if isinstance(cell, dict):
        cell = cell.get("choices", ())
    names = [cell] if isinstance(cell, str) else list(cell or ())
    return [name for name in names if name.strip()]


def _name_annotator(person: Any, name_of: Callable[[int], str]) -> str:
    """Return who answered: exports give a person's number, or, in some versions, all that is known of them."""
    if isinstance(person, dict):
        return str(person.get("email") or person.get("id", ""))
    return "" if person is None else name_of(person)


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
