"""Find the records of a Timelapse set to change, their new values, and the labels that cannot be imported."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from alframe.commands import mapping_argument
from alframe.formats.timelapse.data import Record, read_records
from alframe.formats.timelapse.import_csv import accepts_value, find_unimportable_records
from alframe.formats.timelapse.template import Field, Template
from alframe.kit.exporting import final_classes
from alframe.kit.progress import track
from alframe.kit.tables import caseless_path
from alframe.types import Predictions

SETTING = "exporter.timelapse_csv"
ENTER_BY_HAND = "Enter it in Timelapse by hand."
ID_COLUMNS = ("RelativePath", "File", "DateTime")


@dataclass(frozen=True, slots=True)
class ImageClasses:
    """The labels of the image at `path` (several, if it has several boxes), and the model's most confident prediction.

    The prediction is "" if the image cannot be read any more.
    """

    path: Path
    labels: Sequence[str]
    prediction: str
    confidence: float


def classes_by_image(predictions: Predictions, blank: Iterable[str], predicted: bool) -> dict[str, ImageClasses]:
    """Return the classes of each image with a label, or of all if `predicted`. Other labels replace `blank` labels."""
    labels = final_classes(predictions).labels
    rows_of: dict[str, list[int]] = {}
    for row, item in enumerate(predictions.items):
        if labels[row] is not None or predicted:
            rows_of.setdefault(item.image_id, []).append(row)
    blank_names = {name.casefold() for name in blank}
    confidences = np.nan_to_num(predictions.probs.max(axis=1), nan=0.0).tolist()
    images = {}
    for image, rows in rows_of.items():
        names = [label.class_name for row in rows if (label := labels[row])]
        filled = [name for name in names if name.casefold() not in blank_names]
        surest = max(rows, key=confidences.__getitem__)
        prediction = predictions.classes[predictions.probs[surest].argmax()] if confidences[surest] else ""
        path = predictions.items[surest].path
        images[image] = ImageClasses(path, filled or names[:1], prediction, confidences[surest])
    return images


@dataclass(frozen=True, slots=True)
class FieldsToFill:
    """The Data Labels of the fields to fill ("": none), the names of classes in the set, and whether to overwrite."""

    species: str
    prediction: str
    confidence: str
    rename: Mapping[str, str]
    overwrite: bool

    @property
    def data_labels(self) -> tuple[str, ...]:
        return tuple(name for name in (self.species, self.prediction, self.confidence) if name)


@dataclass
class PlannedChanges:
    """The records to write, the left-out labels with reasons by image, and the number of `unchanged` images."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    left_out: dict[str, tuple[str, str]] = field(default_factory=dict)
    unchanged: int = 0

    def leave_out(self, image: str, labels: Sequence[str], reason: str) -> None:
        """Note that the labels of an image cannot be imported. `reason` also contains a remedy."""
        self.left_out[image] = (", ".join(labels), reason)


class _CannotImport(Exception):
    """The labels of an image cannot be imported. The message has the reason and a remedy."""


def make_records_without_set(images: Mapping[str, ImageClasses], fields: FieldsToFill) -> PlannedChanges:
    """Make the records if no set is given: one for each image, by its id."""
    changes = PlannedChanges()
    names_in_folders = {image.rpartition("/")[2] for image in images if "/" in image}
    for number, (image, classes) in enumerate(images.items()):
        folder, _, name = image.rpartition("/")
        if len(set(classes.labels)) > 1:
            changes.leave_out(image, classes.labels, f"It has several animals: set {SETTING}.set to your data file.")
        elif not folder and name in names_in_folders:
            reason = f"An import would change the images of that name in all folders. {ENTER_BY_HAND}"
            changes.leave_out(image, classes.labels[:1], reason)
        else:
            cells = dict(zip(ID_COLUMNS, (folder.replace("/", "\\"), name, ""), strict=True))
            cells[fields.species] = fields.rename.get(classes.labels[0], classes.labels[0])
            changes.records[image] = [Record(number, folder, name, cells)]
    return changes


def find_changes(
    ddb: Path, template: Template, images: Mapping[str, ImageClasses], fields: FieldsToFill
) -> PlannedChanges:
    """Read the data file and find the records to change, all records of an image together. Raises FormatError."""
    changes = PlannedChanges()
    records_of = _records_by_image(ddb, images, (*ID_COLUMNS, *fields.data_labels))
    for image, classes in images.items():
        records = records_of.get(image, [])
        try:
            old = [{name: record.cells[name] for name in fields.data_labels} for record in records]
            new = _new_cells(old, classes, template, fields)
        except _CannotImport as reason:
            if classes.labels:  # a prediction without a field may be dropped
                changes.leave_out(image, classes.labels, str(reason))
            continue
        if new == old:
            changes.unchanged += 1
        else:
            changes.records[image] = [
                replace(record, cells={**record.cells, **cells}) for record, cells in zip(records, new, strict=True)
            ]
    changed = [record for records in changes.records.values() for record in records]
    unsafe = {record.image_path for record in find_unimportable_records(ddb, changed)}
    for image in [image for image, records in changes.records.items() if records[0].image_path in unsafe]:
        del changes.records[image]
        changes.leave_out(image, images[image].labels, f"An import would change other images as well. {ENTER_BY_HAND}")
    return changes


def _records_by_image(ddb: Path, images: Mapping[str, ImageClasses], columns: Sequence[str]) -> dict[str, list[Record]]:
    """Return the records of each image: those of its path, else those whose path differs only in case and accents."""
    image_of = _images_by_set_path(images, ddb.parent)
    caseless = {path: caseless_path(path) for path in image_of}
    times = Counter(caseless.values())
    image_of_similar = {caseless[path]: image for path, image in image_of.items() if times[caseless[path]] == 1}
    exact, similar = defaultdict(list), defaultdict(list)
    for record in track(read_records(ddb, tuple(dict.fromkeys(columns))), "Reading the image set", unit="img"):
        if image := image_of.get(record.image_path):
            exact[image].append(record)
        elif image := image_of_similar.get(caseless_path(record.image_path)):
            similar[image].append(record)
    of_one_path = {
        image: records for image, records in similar.items() if len({record.image_path for record in records}) == 1
    }
    return of_one_path | exact


def _images_by_set_path(images: Mapping[str, ImageClasses], root: Path) -> dict[str, str]:
    """Return path below the set's folder -> image. If no image is below this folder, the paths are the ids."""
    root_prefix = os.path.join(os.path.abspath(root), "")  # noqa: PTH100, PTH118 (links stay, and the final slash)
    image_of = {os.path.abspath(classes.path): image for image, classes in images.items()}  # noqa: PTH100 (likewise)
    below = {
        Path(path[len(root_prefix) :]).as_posix(): image
        for path, image in image_of.items()
        if os.path.normcase(path).startswith(os.path.normcase(root_prefix))
    }
    return below or {image: image for image in images}


def _new_cells(
    old: Sequence[Mapping[str, str]], classes: ImageClasses, template: Template, fields: FieldsToFill
) -> list[dict[str, str]]:
    """Return the new cells of an image's records, in the order of their Ids."""
    if not old:
        raise _CannotImport("It is not in the set. Timelapse loads only .jpg; add new images with File > Add.")
    species = _new_species([cells[fields.species] for cells in old], classes.labels, template, fields)
    model_values = {fields.prediction: classes.prediction, fields.confidence: f"{classes.confidence:.4f}"}
    model_cells = {
        name: value
        for name, value in model_values.items()
        if name and classes.prediction and _is_accepted(template.find_field(name), value)
    }
    new = [{**cells, fields.species: value, **model_cells} for cells, value in zip(old, species, strict=True)]
    for name in fields.data_labels:
        for value in (cells[name] for cells in new):
            if not _is_accepted(template.find_field(name), value):
                raise _CannotImport(f"Its field {name} holds '{value}', which Timelapse would refuse. {ENTER_BY_HAND}")
    return new


def _new_species(old: Sequence[str], labels: Sequence[str], template: Template, fields: FieldsToFill) -> Sequence[str]:
    """Return the species of each record: the only species of the image, or one species for each of its animals."""
    species = [_name_in_set(label, template.find_field(fields.species), fields.rename) for label in labels]
    if not species:
        return old
    if len(set(species)) == 1:
        species = species[:1] * len(old)
    elif len(species) != len(old):
        raise _CannotImport(
            f"It has {len(species)} animals and {len(old)} record{'s' * (len(old) != 1)} in Timelapse. Show it there, "
            f"press Ctrl-D until there is one for each, and export again."
        )
    for before, after in zip(old, species, strict=True):
        if before.strip() and before != after and not fields.overwrite:
            raise _CannotImport(f"The set says '{before}'. To replace it, set {SETTING}.overwrite=true.")
    return species


def _name_in_set(label: str, species: Field | None, rename: Mapping[str, str]) -> str:
    name = rename.get(label, label)
    same = [choice for choice in species.choices if choice.casefold() == name.casefold()] if species else []
    name = name if name in same or len(same) != 1 else same[0]
    if not _is_accepted(species, name):
        raise _CannotImport(
            f"'{name}' is not in the set's list. Add it in Timelapse's Template Editor. Or, if the list has another "
            f"name for it, give this name: {mapping_argument(f'{SETTING}.names', label, 'NAME')}"
        )
    return name


def _is_accepted(field: Field | None, value: str) -> bool:
    return field is not None and accepts_value(field, value)
