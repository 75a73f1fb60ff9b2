"""Which records of a user's own set are to be changed so that a round's images, and no others, are selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import LabelError
from alframe.formats.timelapse.data import Record, read_records
from alframe.formats.timelapse.selector import accepts_value, find_unsafe_records
from alframe.formats.timelapse.template import Template
from alframe.label_sources.timelapse.images import folded
from alframe.progress import track
from alframe.registry import did_you_mean
from alframe.types import Item, ItemId, Request, Suggestion


@dataclass(frozen=True, slots=True)
class Names:
    """The Data Labels of the fields that alframe reads and fills; "" for one that the set is to do without."""

    species: str = "Species"
    selected: str = "Selected"
    round: str = "ALRound"
    prediction: str = "ALPrediction"
    confidence: str = "ALConfidence"


@dataclass(frozen=True, slots=True)
class Selection:
    """`rows`: the records to change, with their new cells, RelativePath and File as they are in the file, and DateTime.

    `hazards`: records in the root folder whose name other images share: an import would change all of those.
    `found` and `missing`: items of which the set has a record, or none. `fields`: what is written.
    """

    rows: Sequence[Record]
    hazards: Sequence[Record]
    found: Sequence[ItemId]
    missing: Sequence[ItemId]
    fields: Sequence[str]


def check_fields_of(template: Template, file: Path, names: Names) -> None:
    """Raise LabelError, with how to add it, where the set lacks a field or has another type of it."""
    wanted = {
        names.species: ("Choice (FixedChoice)", "in which people say what it is", None),
        names.selected: ("Flag", "which marks the images of a round", "true"),
        names.round: ("IntegerPositive", "for the number of the round", "3"),
    }
    lacking = []
    for name, (kind, purpose, sample) in wanted.items():
        found = template.field(name)
        if name and (found is None or (sample and not accepts_value(found, sample))):
            state = f"is a {found.type}" if found else "is missing"
            alike = next((one.data_label for one in template.fields if one.label == name and one is not found), "")
            hint = f" (a field has that *Label*, but its Data Label is '{alike}')" if alike else ""
            hint = hint or ("" if found else did_you_mean(name, [one.data_label for one in template.fields]))
            lacking.append(f"a {kind} with the Data Label '{name}', {purpose}: it {state}{hint}")
    if lacking:
        raise LabelError(
            f"{file} lacks {'; and '.join(lacking)}. Open the set's .tdb in Timelapse's Template Editor, add it, and "
            "write that name under Data Label (not Label); then open the set once in Timelapse, which adds it to the "
            "data. If you have such a field under another name, say so, as in label_source.species=MyField."
        )


def select(ddb: Path, template: Template, request: Request, keys: Mapping[ItemId, str], names: Names) -> Selection:
    """Which records are to be changed; all of an image, if one of them is. Raises FormatError.

    An import pairs rows with an image's records in the order of their Ids, so it must find them all. What the file has
    is not kept: it is read a second time if anything is to be changed.
    """
    extra = (names.round, names.prediction, names.confidence)
    fields = [names.selected, *(name for name in extra if name and template.field(name))]
    wanted = _wanted(request, keys)
    loose = {folded(key): key for key in wanted}
    seen: set[str] = set()
    changed: set[str] = set()
    columns = ("RelativePath", "File", "DateTime", *fields)

    def cells_of(record: Record) -> dict[str, str]:
        key = record.image_path if record.image_path in wanted else loose.get(folded(record.image_path), "")
        seen.add(key)
        return _cells(record, wanted.get(key), request.round, names, template, fields)

    for record in track(read_records(ddb, columns), "Reading the image set", unit="img"):
        asked = record.image_path in wanted or folded(record.image_path) in loose
        if asked or record.cells[names.selected].casefold() == "true":
            cells = cells_of(record)
            if any(record.cells[name].casefold() != cells[name].casefold() for name in fields):
                changed.add(record.image_path)
    rows = []
    for record in read_records(ddb, columns) if changed else ():
        if record.image_path in changed:
            kept = {name: record.cells[name] for name in columns[:3]}
            rows.append(Record(record.id, record.relative_path, record.file, kept | cells_of(record)))
    found, missing = ([item for item, key in keys.items() if (key in seen) == there] for there in (True, False))
    return Selection(rows, list(find_unsafe_records(ddb, rows)), found, missing, fields)


def _wanted(request: Request, keys: Mapping[ItemId, str]) -> dict[str, tuple[Item, Suggestion | None]]:
    guesses = dict(zip((item.id for item in request.items), request.suggestions, strict=False))
    return {keys[item.id]: (item, guesses.get(item.id)) for item in request.items if item.id in keys}


def _cells(
    record: Record,
    asked: tuple[Item, Suggestion | None] | None,
    round_number: int,
    names: Names,
    template: Template,
    fields: Sequence[str],
) -> dict[str, str]:
    """The record's new values; one that the field does not take, an old one included, is left empty."""
    new = {name: record.cells[name] for name in fields} | {names.selected: "false"}
    if asked is not None:
        guess = asked[1]
        new |= {names.selected: "true", names.round: str(round_number)}
        new |= {names.prediction: guess.class_name if guess else ""}
        new |= {names.confidence: f"{guess.confidence:.4f}" if guess else ""}
    found = {name: template.field(name) for name in fields}
    return {name: new[name] if (field := found[name]) and accepts_value(field, new[name]) else "" for name in fields}
