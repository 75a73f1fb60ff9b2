"""People keep one Timelapse set for all their images: each round is selected in it, and read from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from alframe.errors import FormatError, LabelError
from alframe.formats.timelapse.data import find_blank_images
from alframe.formats.timelapse.folders import files_in
from alframe.formats.timelapse.template import Template, read_template
from alframe.kit.classes import CANNOT_TELL, check_policy, check_unsure, describe
from alframe.kit.round_folders import round_folder
from alframe.label_sources.csv.files import in_folder, named
from alframe.label_sources.timelapse.answers import Gathering, check_list, gathering, trouble
from alframe.label_sources.timelapse.set_answers import Fields, Reading, Readings
from alframe.label_sources.timelapse.set_request import ask, begin
from alframe.label_sources.timelapse.set_selection import Names, check_fields_of, select
from alframe.types import Answers, Item, ItemId, Problem, Request


class TimelapseSet:
    """The user's own `set`: its `.tdb`, its `.ddb` or the folder they are in.

    `species` is the Data Label of the field with the answers; `selected` of the Flag that marks a round's images;
    `round_field`, `prediction_field` and `confidence_field` are filled in too. `exports`: CSVs that Timelapse has
    exported, read in addition. `write` changes the `.ddb` itself, while Timelapse is closed. `unsure`: the words in
    the list for "cannot tell".
    """

    answers_now = False
    answers_persist = True

    def __init__(
        self,
        set: str | Path,
        species: str = "Species",
        selected: str = "Selected",
        round_field: str = "ALRound",
        prediction_field: str = "ALPrediction",
        confidence_field: str = "ALConfidence",
        annotator_field: str = "",
        exports: str | Path | Sequence[str | Path] = (),
        write: bool = False,
        unsure: str | Sequence[str] = CANNOT_TELL,
        new_classes: str = "ask",
        annotator: str = "",
        blank: str = "blank",
    ) -> None:
        self.set = str(set)
        self.names = Names(species, selected, round_field, prediction_field, confidence_field)
        self.fields = Fields(species, annotator_field)
        self.exports = (str(exports),) if isinstance(exports, str | Path) else tuple(map(str, exports))
        self.write = write
        self.unsure = check_unsure(unsure)
        self.new_classes = check_policy(new_classes)
        self.annotator = annotator
        self.blank = blank.strip()
        self._readings = Readings()

    def request(self, request: Request) -> str:
        """Write what is to be changed in the set, or change it; the images of earlier rounds are deselected."""
        try:
            round_folder(request).mkdir(parents=True, exist_ok=True)  # for exports
            root, ddb = self._locate()
            if ddb is None:
                return begin(root, request, self.names, self.blank, self.fields.annotator)
            template = read_template(ddb)
            check_fields_of(template, ddb, self.names)
            selection = select(ddb, template, request, _keys(request.items, root), self.names)
            said = ask(request, ddb, template, selection, self.names, self.unsure, self.write)
            return "\n".join([*said, describe(request.classes, self.new_classes)])
        except FormatError as error:
            raise LabelError(str(error)) from error
        except OSError as error:
            raise LabelError(f"The Timelapse set {self.set} cannot be used: {error}. Check that folder.") from error

    def collect(self, request: Request) -> Answers:
        """What the data file and all exports say about these images, whichever round it was said for."""
        gathered = gathering(request.classes, self.blank, self.new_classes, self.unsure)
        template = None
        try:
            root, ddb = self._locate()
        except (LabelError, OSError) as error:
            gathered.problems.append(Problem(self.set, None, str(error).removeprefix(self.set).strip()))
            root, ddb = Path(self.set), None
        keys = _keys(request.items, root)
        try:
            if ddb is not None:
                template = read_template(ddb)
                self._read(ddb, template, request, keys, gathered)
        except (FormatError, OSError) as error:
            gathered.problems.append(trouble(ddb or root, error))
        files, problems = named(self.exports, request.folder, "label_source.exports")
        gathered.problems += problems
        levels = len(template.levels) if template else None
        for file in [
            *files,
            *(file for folder in sorted(request.folder.glob("round-*")) for file in in_folder(folder)),
        ]:
            try:
                reading = self._readings.export(file, self.fields, levels)
                self._take(reading, template, request.items, keys, root, gathered)
                gathered.problems += reading.problems
            except OSError as error:
                gathered.problems.append(trouble(file, error))
        return gathered.answers(item.id for item in request.items)

    def _read(
        self, ddb: Path, template: Template, request: Request, keys: Mapping[ItemId, str], gathered: Gathering
    ) -> None:
        gathered.problems += check_list(ddb, template, self.fields.species, request.classes)
        if template.field(self.fields.species) is None:
            return
        reading = self._readings.data(ddb, self.fields)
        self._take(reading, template, request.items, keys, ddb.parent, gathered)
        rest = {key: item for item, key in keys.items() if item not in gathered.written}
        if rest and gathered.written:  # asked of the file as it is now: what has been filled in since is in neither
            images = [(folder, file) for folder, _, file in (key.rpartition("/") for key in rest)]
            for key in find_blank_images(ddb, self.fields.species, images):
                gathered.empty[reading.source.file].append(rest[key])

    def _take(
        self,
        reading: Reading,
        template: Template | None,
        items: Sequence[Item],
        keys: Mapping[ItemId, str],
        root: Path,
        gathered: Gathering,
    ) -> None:
        species = template.field(self.fields.species) if template else None
        several = species is not None and species.type == "MultiChoice"
        for item in items:
            for said in reading.of(keys[item.id], item.path, root) if item.id in keys else ():
                cell, annotator = said.cells[self.fields.species], said.cells.get(self.fields.annotator, "").strip()
                for name in cell.split(",") if several else [cell]:
                    gathered.add(item.id, said, name, annotator or self.annotator, reading.source)

    def _locate(self) -> tuple[Path, Path | None]:
        """The set's folder, and its data file if there is one yet. Raises LabelError."""
        place = Path(self.set).expanduser()
        if not place.exists():
            raise LabelError(f"{self.set} is not there. Set label_source.set to the set's .tdb or its folder.")
        if place.is_file() and place.suffix.casefold() == ".ddb":
            return place.parent, place
        root = place if place.is_dir() else place.parent
        found = files_in(root, ".ddb")
        chosen = [file for file in found if place.is_file() and file.stem == place.stem] or found
        if len(chosen) > 1:
            listing = ", ".join(file.name for file in chosen)
            raise LabelError(f"{self.set} has several data files: {listing}. Set label_source.set to one of them.")
        return root, chosen[0] if chosen else None


def _keys(items: Sequence[Item], root: Path) -> dict[ItemId, str]:
    """Where each image is in the set: its path below the set's folder; an image elsewhere counts by its id.

    One of several boxes in an image has no record of its own, and none here.
    """
    near, real = os.path.abspath(root), os.path.realpath(root)  # noqa: PTH100 (links stay)
    keys = {}
    for item in items:
        if "box" not in item.meta:
            path = Path(os.path.abspath(item.path))  # noqa: PTH100
            if not path.is_relative_to(near) and (resolved := item.path.resolve()).is_relative_to(real):
                keys[item.id] = resolved.relative_to(real).as_posix()
            else:
                keys[item.id] = path.relative_to(near).as_posix() if path.is_relative_to(near) else item.id
    return keys
