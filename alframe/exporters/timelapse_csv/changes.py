"""Which records of a Timelapse set get which values, and what cannot be carried there."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alframe.formats.matching import normalise_path
from alframe.formats.timelapse.data import Record, read_records
from alframe.formats.timelapse.selector import accepts_value, find_unsafe_records
from alframe.formats.timelapse.template import Field, Template
from alframe.kit.exporting import FinalClasses
from alframe.progress import track
from alframe.types import Predictions

OWN = "exporter.timelapse_csv"
BY_HAND = "Enter it in Timelapse by hand."
PLACE = ("RelativePath", "File", "DateTime")


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be said of the image at `path`: its labels (of its boxes, if it has several), the model's word."""

    path: Path
    labels: Sequence[str]
    prediction: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Wishes:
    """How it is to be said: in which fields ("" for none), by which other names, and whether over what is there."""

    species: str
    prediction: str
    confidence: str
    rename: Mapping[str, str]
    overwrite: bool

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name in (self.species, self.prediction, self.confidence) if name)


@dataclass
class Carried:
    """By image: the `rows` to write, and in `left` the labels that are in none, why, and what to do.

    `there` is how many images the set says the same of already.
    """

    rows: dict[str, list[Record]] = field(default_factory=dict)
    left: dict[str, tuple[str, str]] = field(default_factory=dict)
    there: int = 0


class _Left(Exception):
    """Why the labels of an image cannot be carried, and what to do."""


def what_is_said(
    predictions: Predictions, final_classes: FinalClasses, blank: Iterable[str], predicted: bool
) -> dict[str, Said]:
    """By image: of those with a label, or of all if `predicted`. Of several boxes the empty ones say nothing."""
    empty = {name.casefold() for name in blank}
    said: dict[str, Said] = {}
    top, sure = predictions.probs.argmax(axis=1).tolist(), predictions.probs.max(axis=1).tolist()
    for item, label, kind, confidence in zip(predictions.items, final_classes.labels, top, sure, strict=True):
        if label is None and not predicted:
            continue
        image = item.image
        before = said.get(image, Said(item.path, (), "", -1.0))
        labels = (*before.labels, *([label.class_name] if label else []))
        filled = tuple(name for name in labels if name.casefold() not in empty)
        word = (before.prediction, before.confidence)
        if confidence > before.confidence:
            word = (predictions.classes[kind], confidence)
        said[image] = Said(item.path, filled or labels[:1], *word)
    return said


def carry(ddb: Path, template: Template, said: Mapping[str, Said], wishes: Wishes) -> Carried:
    """Read the data file and find the records to change, all of an image if one of them is. Raises FormatError."""
    carried = Carried()
    found = _records(ddb, said, (*PLACE, *wishes.fields))
    for image, one in said.items():
        try:
            old = [{name: record.cells[name] for name in wishes.fields} for record in found.get(image, ())]
            new = _cells(old, one, template, wishes)
        except _Left as why:
            if one.labels:  # without one, the model's word has no place, and is no loss
                carried.left[image] = (", ".join(one.labels), str(why))
            continue
        if new == old:
            carried.there += 1
        else:
            carried.rows[image] = [_with(record, cells) for record, cells in zip(found[image], new, strict=True)]
    unsafe = {
        row.image_path for row in find_unsafe_records(ddb, [row for rows in carried.rows.values() for row in rows])
    }
    for image in [image for image, rows in carried.rows.items() if rows[0].image_path in unsafe]:
        del carried.rows[image]
        carried.left[image] = (", ".join(said[image].labels), "An import would change other images as well. " + BY_HAND)
    return carried


def _records(ddb: Path, said: Mapping[str, Said], columns: Sequence[str]) -> dict[str, list[Record]]:
    """The records of each image: those of its path, else those whose path differs in capitals and accents alone."""
    keys = _keys(said, ddb.parent)
    times = Counter(_loose(key) for key in keys)
    loose = {_loose(key): image for key, image in keys.items() if times[_loose(key)] == 1}
    exact, alike = defaultdict(list), defaultdict(list)
    for record in track(read_records(ddb, tuple(dict.fromkeys(columns))), "Reading the image set", unit="img"):
        if image := keys.get(record.image_path):
            exact[image].append(record)
        elif image := loose.get(_loose(record.image_path)):
            alike[image].append(record)
    return {image: rows for image, rows in alike.items() if len({row.image_path for row in rows}) == 1} | exact


def _keys(said: Mapping[str, Said], root: Path) -> dict[str, str]:
    """The path of each image below the set's folder -> image; its id, if no image at all lies there."""
    near = os.path.join(os.path.abspath(root), "")  # noqa: PTH100, PTH118 (links stay, and the slash at the end)
    paths = {os.path.abspath(one.path): image for image, one in said.items()}  # noqa: PTH100
    below = {
        Path(path[len(near) :]).as_posix(): image
        for path, image in paths.items()
        if os.path.normcase(path).startswith(os.path.normcase(near))
    }
    return below or {image: image for image in said}


def _loose(key: str) -> str:
    return normalise_path(key).casefold()


def _cells(old: Sequence[Mapping[str, str]], said: Said, template: Template, wishes: Wishes) -> list[dict[str, str]]:
    """The new cells of an image's records, in the order of their Ids."""
    if not old:
        raise _Left("It is not in the set. Timelapse loads .jpg alone; add new images with File > Add.")
    values = _values([cells[wishes.species] for cells in old], said.labels, template.field(wishes.species), wishes)
    words = {wishes.prediction: said.prediction, wishes.confidence: f"{said.confidence:.4f}"}
    more = {name: word for name, word in words.items() if name and _taken(template.field(name), word)}
    new = [{**cells, wishes.species: value, **more} for cells, value in zip(old, values, strict=True)]
    for name in wishes.fields:
        if bad := next((cells[name] for cells in new if not _taken(template.field(name), cells[name])), None):
            raise _Left(f"Its field {name} holds '{bad}', which Timelapse would not take again. {BY_HAND}")
    return new


def _values(now: Sequence[str], labels: Sequence[str], species: Field | None, wishes: Wishes) -> Sequence[str]:
    """What the species of each record is to be: that of the image, or one record for each of its animals."""
    values = [_choice(label, species, wishes.rename) for label in labels]
    if not values:
        return now
    if len(set(values)) == 1:
        values = values[:1] * len(now)
    elif len(values) != len(now):
        raise _Left(
            f"It has {len(values)} animals and {len(now)} record{'s' * (len(now) != 1)} in Timelapse. Show it there, "
            f"press Ctrl-D until there is one for each, and export again."
        )
    for old, new in zip(now, values, strict=True):
        if old.strip() and old != new and not wishes.overwrite:
            raise _Left(f"The set says '{old}'. To replace it, set {OWN}.overwrite=true.")
    return values


def _choice(label: str, species: Field | None, rename: Mapping[str, str]) -> str:
    """The label as the set spells it."""
    word = rename.get(label, label)
    alike = [one for one in species.choices if one.casefold() == word.casefold()] if species else []
    word = word if word in alike or len(alike) != 1 else alike[0]
    if not _taken(species, word):
        raise _Left(
            f"'{word}' is not in the set's list. Add it in Timelapse's Template Editor, or say what it is called "
            f"there: {OWN}.names={{{label}: ...}}."
        )
    return word


def _taken(field: Field | None, value: str) -> bool:
    return field is not None and accepts_value(field, value)


def _with(record: Record, cells: Mapping[str, str]) -> Record:
    return Record(
        record.id, record.relative_path, record.file, {name: record.cells[name] for name in PLACE} | dict(cells)
    )
