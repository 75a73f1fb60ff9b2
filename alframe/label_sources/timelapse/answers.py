"""Read people's answers from the records of Timelapse."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.timelapse.data import Record, read_records
from alframe.formats.timelapse.schema import CHOICE_TYPES
from alframe.formats.timelapse.sqlite import check_integrity
from alframe.formats.timelapse.template import Template
from alframe.kit.answers import AnswerBuilder
from alframe.kit.classes import UNSURE_WORDS, missing_blank_class
from alframe.kit.files import content_hash
from alframe.types import Answers, Item, ItemId, Label, Problem

FileState = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """The version of a file that was read."""

    file: str
    saved: datetime
    content_hash: str


def make_answer_builder(
    classes: Sequence[str], blank: str, new_classes: str, unsure: Sequence[str] = UNSURE_WORDS
) -> AnswerBuilder:
    """Return an empty builder with `blank` as a class. While no class is known, it accepts any name."""
    known = (*classes, *missing_blank_class(classes, blank)) if classes else ()
    return AnswerBuilder(known, new_classes, unsure, allowed=(blank,))


def add_answer(
    builder: AnswerBuilder, item: ItemId, record: Record, name: str, annotator: str, version: FileVersion
) -> None:
    """Add the answer in one record, or its empty place."""
    if name := name.strip():
        label = Label(item, name, annotator, version.saved, version.file, record.id, version.content_hash)
        builder.add(label, problem_prefix=record.image_path)  # people see the image, and no number of its record
    else:
        builder.add_unanswered(version.file, item)


def build_answers_with_label_once_per_file(builder: AnswerBuilder, items: Sequence[Item]) -> Answers:
    """Return the answers. A label that a file has twice (for two animals of one class) counts once."""
    answers = builder.build(items, order=lambda label: (label.file, label.row or 0))
    labels: dict[tuple[ItemId, str, str, str], Label] = {}
    for label in answers.labels:
        labels.setdefault((label.item, label.class_name, label.annotator, label.file), label)
    return replace(answers, labels=list(labels.values()))


def read_answer_records(
    ddb: Path, columns: Sequence[str], filled_column: str | None = None
) -> tuple[list[Record], FileVersion]:
    """Read all records of a data file, or those in which `filled_column` is not empty. Raises FormatError, OSError.

    If Timelapse saves the file meanwhile, it is read again, so that the content hash belongs to the records.
    """
    check_integrity(ddb)
    for _ in range(3):
        state = file_state(ddb)
        records = list(read_records(ddb, columns, filled_column))
        version = FileVersion(str(ddb), saved_at(state), content_hash(ddb))
        if file_state(ddb) == state:
            break
    return records, version


def file_state(file: Path) -> FileState:
    """Return the state of a file: its size, time (ns) and SQLite's count of changes; its log's size and time.

    The count distinguishes changes at the same time of the clock. Raises OSError.
    """
    with file.open("rb") as handle:
        changes = int.from_bytes(handle.read(28)[24:])
        status = os.fstat(handle.fileno())
    try:
        log = file.with_name(file.name + "-wal").stat()
    except OSError:
        return status.st_size, status.st_mtime_ns, changes, 0, 0
    return status.st_size, status.st_mtime_ns, changes, log.st_size, log.st_mtime_ns


def saved_at(state: FileState) -> datetime:
    """Return the time at which the file or its log was last written."""
    return datetime.fromtimestamp(max(state[1], state[4]) / 1e9, UTC)


def unreadable_file_problem(file: Path, error: FormatError | OSError) -> Problem:
    """Return the Problem of a file that cannot be read. Other files are still read."""
    if isinstance(error, FormatError):
        return Problem(str(file), None, str(error).removeprefix(str(file)).lstrip(": "))
    return Problem(str(file), None, f"cannot be read: {error.strerror or error}. Run the command again.")


def species_field_problems(ddb: Path, template: Template, species: str, classes: Sequence[str]) -> list[Problem]:
    """Return the problems of the field with the answers: it is missing, or its list lacks some of the classes."""
    field = template.find_field(species)
    if field is None:
        others = [other.data_label for other in template.fields if other.type == "FixedChoice"]
        hint = f" Its lists are: {', '.join(others)}." if others else ""
        message = (
            f"has no field with the Data Label '{species}', so its answers cannot be read.{hint} Give the field its "
            "Data Label again in Timelapse's Template Editor."
        )
    elif field.type in CHOICE_TYPES and (lacking := [name for name in classes if name not in field.choices]):
        message = (
            f"has no {', '.join(map(repr, lacking[:5]))} in the list of '{species}', so nobody can choose it. Add it "
            "to the list in Timelapse's Template Editor."
        )
    else:
        return []
    return [Problem(str(ddb), None, message)]
