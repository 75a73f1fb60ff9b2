"""Find the changes of records in a user's own set that select the images of a round, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import LabelError
from alframe.formats.timelapse.data import Record, read_records
from alframe.formats.timelapse.import_csv import accepts_value, find_unimportable_records
from alframe.formats.timelapse.template import Template
from alframe.kit.parameters import did_you_mean
from alframe.kit.progress import track
from alframe.kit.round_folders import windows_name_key
from alframe.types import ItemId, Request


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The Data Labels of the fields that alframe reads and fills; "" for a field that the set does not have."""

    species: str = "Species"
    selected: str = "Selected"
    round: str = "ALRound"
    prediction: str = "ALPrediction"
    confidence: str = "ALConfidence"
    annotator: str = ""

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """The columns with the answers, the species first."""
        return (self.species, self.annotator) if self.annotator else (self.species,)


@dataclass(frozen=True, slots=True)
class SelectionPlan:
    """The changes for a set.

    `records`: the records to change, with their new cells, their RelativePath and File in the file, and DateTime.
    `ambiguous_records`: records of these in the root folder whose name other images have too; an import would change
    all images with this name. `present` and `missing`: the items with and without a record in the set. `fields`: the
    fields to write.
    """

    records: Sequence[Record]
    ambiguous_records: Sequence[Record]
    present: Sequence[ItemId]
    missing: Sequence[ItemId]
    fields: Sequence[str]


def require_set_fields(template: Template, file: Path, names: FieldNames) -> None:
    """Raise LabelError with a remedy if the set lacks a field, or if a field has the wrong type."""
    required = {
        names.species: ("Choice (FixedChoice)", "in which people write the species", None),
        names.selected: ("Flag", "which marks the images of a round", "true"),
        names.round: ("IntegerPositive", "for the number of the round", "3"),
    }
    lacking = []
    for name, (kind, purpose, sample) in required.items():
        field = template.find_field(name)
        if name and (field is None or (sample and not accepts_value(field, sample))):
            state = f"is a {field.type}" if field else "is missing"
            namesakes = [other.data_label for other in template.fields if other.label == name and other is not field]
            if namesakes:
                hint = f" (a field has that *Label*, but its Data Label is '{namesakes[0]}')"
            else:
                hint = "" if field else did_you_mean(name, [other.data_label for other in template.fields])
            lacking.append(f"a {kind} with the Data Label '{name}', {purpose}: it {state}{hint}")
    if lacking:
        raise LabelError(
            f"{file} lacks {'; and '.join(lacking)}. Open the set's .tdb in Timelapse's Template Editor, add it, and "
            "write that name under Data Label (not Label). Then open the set once in Timelapse, which adds it to the "
            "data. If you have such a field under another name, give it, e.g. label_source.species=MyField."
        )


def plan_selection(
    ddb: Path, template: Template, request: Request, image_paths: Mapping[ItemId, str], names: FieldNames
) -> SelectionPlan:
    """Return the records to change. If one record of an image changes, all its records do. Raises FormatError.

    An import assigns rows to an image's records in the order of their Ids, so it must have all of them. The content of
    the file is not kept in memory. It is read a second time if there are changes.
    """
    optional = (names.round, names.prediction, names.confidence)
    fields = {name: field for name in (names.selected, *optional) if name and (field := template.find_field(name))}
    suggestions = dict(zip((item.id for item in request.items), request.suggestions, strict=False))
    requested = {image_paths[item.id]: suggestions.get(item.id) for item in request.items if item.id in image_paths}
    by_normalised = {windows_name_key(path): path for path in requested}
    seen: set[str] = set()
    changed: set[str] = set()
    columns = ("RelativePath", "File", "DateTime", *fields)

    def requested_path(record: Record) -> str | None:
        path = record.image_path
        return path if path in requested else by_normalised.get(windows_name_key(path))

    def new_cells(record: Record) -> dict[str, str]:
        path = requested_path(record)
        cells = {name: record.cells[name] for name in fields} | {names.selected: "false"}
        if path is not None:
            suggestion = requested[path]
            cells |= {names.selected: "true", names.round: str(request.round)}
            cells[names.prediction] = suggestion.class_name if suggestion else ""
            cells[names.confidence] = f"{suggestion.confidence:.4f}" if suggestion else ""
        # A value that its field does not accept, an old one included, is left empty.
        return {name: cells[name] if accepts_value(field, cells[name]) else "" for name, field in fields.items()}

    for record in track(read_records(ddb, columns), "Reading the image set", unit="img"):
        path = requested_path(record)
        if path is not None:
            seen.add(path)
        if path is not None or record.cells[names.selected].casefold() == "true":
            cells = new_cells(record)
            if any(record.cells[name].casefold() != cells[name].casefold() for name in fields):
                changed.add(record.image_path)
    records = []
    for record in read_records(ddb, columns) if changed else ():
        if record.image_path in changed:
            fixed = {name: record.cells[name] for name in columns[:3]}
            records.append(Record(record.id, record.relative_path, record.file, fixed | new_cells(record)))
    present = [item for item, path in image_paths.items() if path in seen]
    missing = [item for item, path in image_paths.items() if path not in seen]
    return SelectionPlan(records, list(find_unimportable_records(ddb, records)), present, missing, tuple(fields))
