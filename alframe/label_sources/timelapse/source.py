"""People label in Timelapse: each round is an image set of its own, opened with one double-click."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from alframe.errors import BadParams, FormatError, LabelError
from alframe.formats.timelapse.folders import (
    MAX_PATH_LENGTH,
    TEMPLATE_NAME,
    files_in,
    find_files,
    is_path_too_long,
    is_timelapse_or_system,
)
from alframe.formats.timelapse.schema import require_valid_fields
from alframe.formats.timelapse.template import read_template, write_template
from alframe.kit.classes import check_policy, describe
from alframe.kit.round_folders import asked_before, classes_then, count, round_folder
from alframe.label_sources.timelapse.answers import Gathering, check_list, gathering, has_blank, load, trouble
from alframe.label_sources.timelapse.images import complete_manifest, folded, manifest, place
from alframe.label_sources.timelapse.prepare import NEW, SPECIES, prepare, round_fields
from alframe.progress import track
from alframe.store.names import folder_name
from alframe.types import Answers, Item, ItemId, Problem, Request


class Timelapse:
    """`round-003/` with the images, a template for Timelapse, and a manifest; the answers are in Timelapse's `.ddb`.

    `annotators` gives each of these people a whole set, in a folder of that name. `annotator_field` is a field in
    which people write their own name. `prepare` also writes the `.ddb`, with suggestions and keys for the classes.
    `blank` is the word for a picture without an animal; `link` makes hard links where the file system can.
    """

    answers_now = False

    def __init__(
        self,
        new_classes: str = "ask",
        annotator: str = "",
        annotators: Sequence[str] = (),
        annotator_field: str = "",
        blank: str = "blank",
        prepare: bool = False,
        link: bool = True,
    ) -> None:
        self.new_classes = check_policy(new_classes)
        self.annotator = annotator
        self.annotators = _check_annotators(annotators)
        self.annotator_field = annotator_field
        self.blank = blank.strip()
        self.prepare = prepare
        self.link = link
        try:
            require_valid_fields(round_fields((), self.blank, annotator_field=annotator_field))
        except FormatError as error:
            raise BadParams(f"label_source.annotator_field: {error}") from error

    def request(self, request: Request) -> str:
        """Complete the set or the sets; one in which somebody has begun to label is left as it is."""
        folder = round_folder(request)
        fields = round_fields(request.classes, self.blank, self.new_classes, self.annotator_field, self.prepare)
        remarks: dict[str, None] = {}
        try:
            places = {entry.id: entry.name for entry in complete_manifest(folder, request.items, asked_before(request))}
            for root in self._roots(folder):
                _check_lengths(root, places.values())
                if not files_in(root, ".ddb"):
                    remarks |= dict.fromkeys(self._lay_out(root, request.items, places))
                    if self.prepare:
                        remarks |= dict.fromkeys(prepare(root, request, places, fields, self.blank))
                if not files_in(root, ".tdb"):  # last: whoever can open the set finds it complete
                    write_template(root / TEMPLATE_NAME, fields)
        except FormatError as error:
            raise LabelError(str(error)) from error
        except OSError as error:
            raise LabelError(
                f"Cannot put the images to label into {folder}: {error}. Check that the disk has room and that the "
                "folder may be written to, and run the command again."
            ) from error
        return "\n".join([self._words(request, folder), *remarks])

    def collect(self, request: Request) -> Answers:
        """What every `.ddb` in the round's folder says, Timelapse's own copies apart; it may be open meanwhile."""
        folder = round_folder(request)
        if not folder.is_dir():
            return Answers()
        entries, problems = manifest(folder, request.items)
        whose = {folded(entry.name): entry.id for entry in entries}
        gathered = gathering(request.classes, self.blank, self.new_classes)
        gathered.problems += problems
        gathered.again = {entry.id for entry in entries if entry.again}
        asked = {item.id for item in request.items}
        classes = [name for name in classes_then(request) if name in request.classes]  # as the list had them
        for ddb in find_files(folder, ".ddb"):
            try:
                self._read(ddb, ddb.parent.relative_to(folder).parts, classes, whose, asked, gathered)
            except (FormatError, OSError) as error:
                gathered.problems.append(trouble(ddb, error))
        answers = gathered.answers(item.id for item in request.items)
        partly = (item for item in asked if 0 < len(gathered.by[item]) < len(self.annotators))
        return replace(answers, incomplete=sorted(partly))

    def _read(
        self,
        ddb: Path,
        inside: Sequence[str],
        classes: Sequence[str],
        whose: Mapping[str, ItemId],
        asked: set[ItemId],
        gathered: Gathering,
    ) -> None:
        if ddb.suffix != ".ddb":
            gathered.problems.append(Problem(str(ddb), None, "has an ending that Timelapse overlooks. Write it .ddb."))
        template = read_template(ddb)
        gathered.problems += check_list(ddb, template, SPECIES, classes)
        if template.field(SPECIES) is None:
            return
        wanted = [name for name in (SPECIES, NEW, self.annotator_field) if name and template.field(name)]
        records, source = load(ddb, wanted)
        owner = {folder_name(name): name for name in self.annotators}.get(inside[0] if inside else "")
        strangers = []
        for record in records:
            name, new = (record.cells.get(column, "").strip() for column in (SPECIES, NEW))
            item = next((whose[key] for key in _keys(inside, record.key) if key in whose), None)
            if item in asked:
                annotator = record.cells.get(self.annotator_field, "").strip() or owner or self.annotator
                gathered.add(item, record, name or new, annotator, source)
                if owner and (name or new):
                    gathered.by[item].add(owner)
                if name and new and name != new:
                    message = f"has both the Species '{name}', which counts, and the New species '{new}'. Empty one."
                    gathered.problems.append(Problem(str(ddb), record.row, message))
            elif item is None and (name or new):
                strangers.append(record)
        if strangers:
            first = strangers[0]
            message = (
                f"'{first.key}' is none of the images of this round, as {count(len(strangers), 'record')} here, so its "
                "species is not used. Add such images to the pool instead."
            )
            gathered.problems.append(Problem(str(ddb), first.row, message))

    def _roots(self, folder: Path) -> list[Path]:
        return [folder / folder_name(name) for name in self.annotators] or [folder]

    def _lay_out(self, root: Path, items: Sequence[Item], places: Mapping[ItemId, str]) -> Iterator[str]:
        """Put the images that are missing in their places, and say which cannot be shown."""
        for item in track(items, "Putting the images in place", unit="img"):
            if why := place(item, root / places[item.id], self.link):
                yield f"{item.id} cannot be shown, and is not in the set: {why}."

    def _words(self, request: Request, folder: Path) -> str:
        roots = self._roots(folder)
        where = f"in {folder}" if len(roots) == 1 else f"for each of {', '.join(self.annotators)}, in {folder}"
        name = next((file.name for file in files_in(roots[0], ".tdb")), TEMPLATE_NAME)
        word = has_blank(request.classes, self.blank) or self.blank
        blank = f" '{word}' is a picture without an animal." if word else ""
        return (
            f"Round {request.round}: {count(len(request.items), 'image')} to label {where}. Double-click {name} there, "
            "on a computer with Timelapse, and give each image its Species; the right arrow key shows the next."
            f"{blank} Answers are read as far as you have got, also while Timelapse is open: run the same command "
            f"again. {describe(request.classes, self.new_classes)}"
        )


def _keys(inside: Sequence[str], key: str) -> Iterator[str]:
    """What the manifest may call an image of a data file that lies so deep in the round's folder."""
    return (folded("/".join((*inside[start:], key))) for start in range(len(inside) + 1))


def _check_lengths(root: Path, places: Iterable[str]) -> None:
    longest = max((str(root / name) for name in places), key=len, default="")
    if len(longest) > MAX_PATH_LENGTH or is_path_too_long(root / TEMPLATE_NAME):
        raise LabelError(
            f"The path {max(longest, str(root / TEMPLATE_NAME), key=len)} is too long: Windows and Timelapse "
            f"take {MAX_PATH_LENGTH} characters, backups included. Move the project to a folder with a shorter path, "
            "such as C:\\al, and run the command again."
        )


def _check_annotators(annotators: Sequence[str]) -> tuple[str, ...]:
    people = tuple(str(name).strip() for name in annotators)
    places = {folded(folder_name(name)) for name in people if name and not is_timelapse_or_system(name)}
    if isinstance(annotators, str) or len(places) < len(people):
        raise BadParams(
            f"label_source.annotators is {annotators!r}; it must be a list of different names, [anna, bob] say, each "
            "of which can be a folder."
        )
    return people
