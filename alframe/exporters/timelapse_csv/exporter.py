"""Export labels for the user's own Timelapse set, as one CSV file to import there."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.contracts import ExportableModel
from alframe.errors import FormatError
from alframe.exporters.timelapse_csv.changes import (
    SETTING,
    FieldsToFill,
    PlannedChanges,
    classes_by_image,
    find_changes,
    make_records_without_set,
)
from alframe.formats.timelapse.folders import DATA_NAME, files_directly_in
from alframe.formats.timelapse.import_csv import IMPORT_MENU, write_import_csv
from alframe.formats.timelapse.template import Field, Template, read_template
from alframe.kit.exporting import explain_write_errors
from alframe.kit.files import replace_atomically
from alframe.kit.parameters import did_you_mean
from alframe.kit.tables import formula_safe_path
from alframe.types import Predictions

log = logging.getLogger(__name__)

LEFT_OUT_FILE = "left-out.csv"
GUIDE_FILE = "how-to-import.txt"
MODEL_FIELDS = ("ALPrediction", "ALConfidence")
MAX_REASONS = 3  # in the message; the file has all


@dataclass
class TimelapseCsv:
    """Write the folder `timelapse`: a CSV file to import into Timelapse, a guide, and left-out.csv.

    left-out.csv lists the labels that cannot be imported, each with the reason. With `set`, the CSV file has only the
    records that change, and paths and classes are spelt as in the set. Without `set`, it has all labelled images, and
    only the field of the species.
    """

    set: str | Path | None = None
    species: str = "Species"
    predictions: bool = False
    names: Mapping[str, str] | None = None
    blank: Sequence[str] = ("blank", "empty")
    overwrite: bool = False

    def __post_init__(self) -> None:
        self.set_names = {str(name): str(name_in_set) for name, name_in_set in (self.names or {}).items()}

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the folder and return it. Raises FormatError if the set cannot be read or lacks the field."""
        ddb = self._find_data_file()
        blank = (self.blank,) if isinstance(self.blank, str) else self.blank
        images = classes_by_image(predictions, blank, self.predictions and ddb is not None)
        template = self._read_template(ddb)
        prediction, confidence = (
            name if self.predictions and template.find_field(name) else "" for name in MODEL_FIELDS
        )
        fields = FieldsToFill(self.species, prediction, confidence, self.set_names, self.overwrite)
        changes = find_changes(ddb, template, images, fields) if ddb else make_records_without_set(images, fields)
        target = folder / "timelapse"
        file = target / Path(ddb.name if ddb else DATA_NAME).with_suffix(".csv").name
        records = [record for records in changes.records.values() for record in records]
        rows = [record.cells for record in sorted(records, key=lambda record: record.id)]
        with explain_write_errors(target), replace_atomically(target) as temporary:
            temporary.mkdir()
            has_times = write_import_csv(temporary / file.name, template, rows) if rows else False
            _write_left_out(temporary / LEFT_OUT_FILE, changes)
            guide = _guide_text(file.name, ddb, changes, has_times)
            (temporary / GUIDE_FILE).write_text(guide, encoding="utf-8")
        if changes.left_out:
            reasons = Counter(reason for _, reason in changes.left_out.values()).most_common(MAX_REASONS)
            log.warning(
                "Labels of %d images are not in %s; %s gives the reason and the remedy for each:%s",
                *(len(changes.left_out), file, target / LEFT_OUT_FILE),
                "".join(f"\n  {count} x: {reason}" for reason, count in reasons),
            )
        return [target]

    def _find_data_file(self) -> Path | None:
        if self.set is None:
            return None
        path = Path(self.set).expanduser()
        if path.is_file() and path.suffix.casefold() == ".ddb":
            return path
        ddbs = files_directly_in(path.parent if path.is_file() else path, ".ddb")
        ddbs = [file for file in ddbs if path.is_file() and file.stem == path.stem] or ddbs
        if len(ddbs) != 1:
            names = ", ".join(file.name for file in ddbs) or "none"
            raise FormatError(
                f"{self.set}: one Timelapse data file is needed, but there are: {names}. Set {SETTING}.set to the .ddb "
                "of your image set; Timelapse makes it when it opens the .tdb for the first time."
            )
        return ddbs[0]

    def _read_template(self, ddb: Path | None) -> Template:
        template = read_template(ddb) if ddb else Template((Field("Note", self.species),))
        if template.find_field(self.species) is None:
            names = [field.data_label for field in template.fields]
            raise FormatError(
                f"{ddb} has no field with the Data Label '{self.species}'.{did_you_mean(self.species, names)} It has: "
                f"{', '.join(names)}. Set {SETTING}.species."
            )
        return template


def _write_left_out(file: Path, changes: PlannedChanges) -> None:
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.writer(handle)
        writer.writerow(("path", "label", "why"))
        writer.writerows(
            (formula_safe_path(image), *label_and_reason) for image, label_and_reason in changes.left_out.items()
        )


def _guide_text(name: str, ddb: Path | None, changes: PlannedChanges, has_times: bool) -> str:
    """Return a guide for the use of the folder, with the words of Timelapse's menus."""
    if not changes.records:
        lines = ["There is nothing to import: no label is new to the image set."]
    else:
        lines = [
            f"1. Copy {name} beside {ddb or 'the data file (.ddb) of your image set; both must have the same name'}.",
            f"2. In Timelapse: {IMPORT_MENU}.",
            f"3. Press Enter for {name}, which is proposed, and OK. Timelapse first copies its data into Backups.",
            f"{len(changes.records)} images will change.",
        ]
        if not has_times:
            lines.append(
                "Timelapse will warn that the Date/Time was not updated. This is intended: Timelapse keeps "
                "its own times."
            )
        if ddb is None:
            lines.append(
                "This file was written without checking your set. If a species is not in its list, Timelapse imports "
                f"nothing, and names it under Details. With {SETTING}.set, this is checked beforehand."
            )
    if changes.unchanged:
        lines.append(f"{changes.unchanged} images have their labels in the set already.")
    if changes.left_out:
        count = len(changes.left_out)
        lines.append(f"The labels of {count} images cannot be imported: see {LEFT_OUT_FILE} for what to do.")
    return "\r\n".join([*lines, ""])
