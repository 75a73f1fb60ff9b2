"""Labels carried into the user's own Timelapse set, by one import there."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from alframe.contracts import SavedModel
from alframe.errors import FormatError
from alframe.exporters.timelapse_csv.changes import BY_HAND, OWN, PLACE, Carried, Said, Wishes, carry, what_is_said
from alframe.formats.timelapse.data import Record
from alframe.formats.timelapse.folders import DATA_NAME, files_in
from alframe.formats.timelapse.selector import IMPORT_MENU, write_import_csv
from alframe.formats.timelapse.template import Field, Template, read_template
from alframe.kit.exporting import explain_write_errors, final_classes
from alframe.registry import did_you_mean
from alframe.store.files import replacing
from alframe.types import Predictions

log = logging.getLogger(__name__)

LEFT = "left-out.csv"
GUIDE = "how-to-import.txt"
MODEL = ("ALPrediction", "ALConfidence")
SHOWN = 3  # reasons in the message; the file has all


class TimelapseCsv:
    """Writes the folder `timelapse`: the CSV to import, a guide, and left-out.csv for labels that cannot be imported.

    `set` is the `.ddb` of the user's image set, or its folder: then the CSV has only records that change, in the set's
    own words. Without it, it has every labelled image and the species alone. `names` gives a class another name there.
    With `predictions`, the model's word goes into the fields ALPrediction and ALConfidence, if the set has them.
    """

    def __init__(
        self,
        set: str | Path | None = None,
        species: str = "Species",
        predictions: bool = False,
        names: Mapping[str, str] | None = None,
        blank: Sequence[str] = ("blank", "empty"),
        overwrite: bool = False,
    ) -> None:
        self.set = None if set is None else Path(set)
        self.species = species
        self.predictions = predictions
        self.names = {str(name): str(there) for name, there in (names or {}).items()}
        self.blank = (blank,) if isinstance(blank, str) else tuple(blank)
        self.overwrite = overwrite

    def export(self, predictions: Predictions, model: SavedModel, folder: Path) -> list[Path]:
        """Replace the folder. Raises FormatError for a set that cannot be read or has no such field."""
        ddb = self._data_file()
        said = what_is_said(predictions, final_classes(predictions), self.blank, self.predictions and ddb is not None)
        template, carried = self._carried(ddb, said)
        target = folder / "timelapse"
        file = target / (ddb.with_suffix(".csv").name if ddb else Path(DATA_NAME).with_suffix(".csv").name)
        records = [row for rows in carried.rows.values() for row in rows]
        rows = [row.cells for row in sorted(records, key=lambda row: row.id)]
        with explain_write_errors(target), replacing(target) as temporary:
            temporary.mkdir()
            timed = write_import_csv(temporary / file.name, template, rows) if rows else False
            _write_left(temporary / LEFT, carried)
            guide = _guide(file.name, ddb, carried, timed)
            (temporary / GUIDE).write_text(guide, encoding="utf-8")
        if carried.left:
            reasons = Counter(why for _, why in carried.left.values()).most_common(SHOWN)
            log.warning(
                "Labels of %d images are not in %s; %s says of each why, and what to do:%s",
                *(len(carried.left), file, target / LEFT),
                "".join(f"\n  {count} x: {why}" for why, count in reasons),
            )
        return [target]

    def _data_file(self) -> Path | None:
        if self.set is None:
            return None
        place = self.set.expanduser()
        if place.is_file() and place.suffix.casefold() == ".ddb":
            return place
        root = place.parent if place.is_file() else place
        found = files_in(root, ".ddb")
        found = [file for file in found if place.is_file() and file.stem == place.stem] or found
        if len(found) != 1:
            there = ", ".join(file.name for file in found) or "none"
            raise FormatError(
                f"{self.set}: one data file of Timelapse is needed, and found: {there}. Set {OWN}.set to the .ddb of "
                "your image set; Timelapse makes it when it opens the .tdb for the first time."
            )
        return found[0]

    def _carried(self, ddb: Path | None, said: Mapping[str, Said]) -> tuple[Template, Carried]:
        if ddb is None:
            return Template((Field("Note", self.species),)), _unseen(said, self.species, self.names)
        template = read_template(ddb)
        if template.field(self.species) is None:
            names = [field.data_label for field in template.fields]
            raise FormatError(
                f"{ddb} has no field with the Data Label '{self.species}'.{did_you_mean(self.species, names)} It has: "
                f"{', '.join(names)}. Set {OWN}.species."
            )
        prediction, confidence = (name if self.predictions and template.field(name) else "" for name in MODEL)
        wishes = Wishes(self.species, prediction, confidence, self.names, self.overwrite)
        return template, carry(ddb, template, said, wishes)


def _unseen(said: Mapping[str, Said], species: str, names: Mapping[str, str]) -> Carried:
    """Rows for a set that nobody has shown: one for each image, by its id."""
    carried = Carried()
    below = {image.rpartition("/")[2] for image in said if "/" in image}
    for number, (image, one) in enumerate(said.items()):
        folder, _, name = image.rpartition("/")
        if len(set(one.labels)) > 1:
            carried.left[image] = (", ".join(one.labels), f"It has several animals: set {OWN}.set to your data file.")
        elif not folder and name in below:
            why = f"An import would change the images of that name in all folders. {BY_HAND}"
            carried.left[image] = (one.labels[0], why)
        else:
            cells = dict(zip(PLACE, (folder.replace("/", "\\"), name, ""), strict=True))
            label = names.get(one.labels[0], one.labels[0])
            carried.rows[image] = [Record(number, folder, name, cells | {species: label})]
    return carried


def _write_left(file: Path, carried: Carried) -> None:
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        rows = csv.writer(handle)
        rows.writerow(("path", "label", "why"))
        rows.writerows((image, *left) for image, left in carried.left.items())


def _guide(name: str, ddb: Path | None, carried: Carried, timed: bool) -> str:
    """What to do with the folder, in the words of Timelapse's menus."""
    if not carried.rows:
        lines = ["There is nothing to import: no label is new to the image set."]
    else:
        lines = [
            f"1. Copy {name} beside {ddb or 'the data file (.ddb) of your image set; both must have the same name'}.",
            f"2. In Timelapse: {IMPORT_MENU}.",
            f"3. Press Enter for {name}, which is proposed, and OK. Timelapse first copies its data into Backups.",
            f"{len(carried.rows)} images will change.",
        ]
        if not timed:
            lines.append("Timelapse will warn that the Date/Time was not updated. That is intended: it keeps its own.")
        if ddb is None:
            lines.append(
                "This was written without looking at your set. If a species is not in its list, Timelapse imports "
                f"nothing, and names it under Details. With {OWN}.set that is looked at beforehand."
            )
    if carried.there:
        lines.append(f"{carried.there} images have their labels in the set already.")
    if carried.left:
        lines.append(f"The labels of {len(carried.left)} images cannot be imported: see {LEFT} for what to do.")
    return "\r\n".join([*lines, ""])
