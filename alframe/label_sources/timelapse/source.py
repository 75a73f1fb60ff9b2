"""Labels from Timelapse: each round is a separate image set, which people open with a double-click."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alframe.errors import BadParams, FormatError, LabelError
from alframe.formats.timelapse.folders import (
    MAX_PATH_LENGTH,
    TEMPLATE_NAME,
    files_directly_in,
    find_files_below,
    is_path_too_long,
    is_timelapse_or_system_name,
)
from alframe.formats.timelapse.schema import require_valid_fields
from alframe.formats.timelapse.template import read_template, write_template
from alframe.kit.answers import AnswerBuilder
from alframe.kit.classes import NEW_CLASSES_RULES, describe_classes, find_blank_class
from alframe.kit.files import TEMPORARY_CHARACTERS, class_folder_name
from alframe.kit.parameters import require_one_of
from alframe.kit.progress import track
from alframe.kit.round_folders import (
    MANIFEST,
    classes_when_asked,
    count_with_noun,
    marking_round_asked,
    round_folder,
    windows_name_key,
)
from alframe.label_sources.timelapse.answers import (
    add_answer,
    build_answers_with_label_once_per_file,
    make_answer_builder,
    read_answer_records,
    species_field_problems,
    unreadable_file_problem,
)
from alframe.label_sources.timelapse.images import complete_manifest, merge_with_manifest, place_jpeg
from alframe.label_sources.timelapse.prepare import NEW_SPECIES, SPECIES, prepare_data_file, round_fields
from alframe.types import Answers, ItemId, Problem, Request


@dataclass
class Timelapse:
    """Ask for labels in a Timelapse set for each round: `round-003/` has the images, a template and a manifest.

    The manifest is a list of the images.
    """

    new_classes: str = "ask"
    annotator: str = ""
    annotators: Sequence[str] = ()
    annotator_field: str = ""
    blank: str = "blank"
    prepare: bool = False
    link: bool = True

    answers_now = False

    def __post_init__(self) -> None:
        require_one_of("label_source 'timelapse'", NEW_CLASSES_RULES, new_classes=self.new_classes)
        self.annotators = _require_annotators(self.annotators)
        self.blank = self.blank.strip()
        try:
            require_valid_fields(round_fields((), self.blank, annotator_field=self.annotator_field))
        except FormatError as error:
            raise BadParams(f"label_source.annotator_field: {error}") from error

    def request(self, request: Request) -> str:
        """Complete the set or the sets. A set in which somebody has begun to label does not change."""
        folder = round_folder(request)
        fields = round_fields(request.classes, self.blank, self.new_classes, self.annotator_field, self.prepare)
        remarks = []
        try:
            with marking_round_asked(request) as asked_before:
                images = complete_manifest(folder, request.items, asked_before)
                names = {image.id: image.name for image in images}
                for root in self._annotator_folders(folder):
                    _require_short_paths(root, names.values())
                    if not files_directly_in(root, ".ddb"):
                        remarks += [
                            f"{item.id} cannot be shown, and is not in the set: {reason}."
                            for item in track(request.items, "Putting the images in place", unit="img")
                            if (reason := place_jpeg(item, root / names[item.id], self.link))
                        ]
                        if self.prepare:
                            remarks += prepare_data_file(root, request, names, fields, self.blank)
                    if not files_directly_in(root, ".tdb"):  # last: whoever can open the set finds it complete
                        write_template(root / TEMPLATE_NAME, fields)
        except FormatError as error:
            raise LabelError(str(error)) from error
        return "\n".join([self._instructions(request, folder), *dict.fromkeys(remarks)])

    def collect(self, request: Request) -> Answers:
        """Return the answers in every `.ddb` in the round's folder, except backups. Timelapse may have a file open.

        With `annotators`, an item is incomplete if some of them have answered it, and others have not.
        """
        folder = round_folder(request)
        if not folder.is_dir():
            return Answers()
        images, problems = merge_with_manifest(folder, request.items)
        item_by_name = {windows_name_key(image.name): image.id for image in images}
        builder = make_answer_builder(request.classes, self.blank, self.new_classes)
        builder.problems += problems
        builder.reissued = {image.id for image in images if image.reissued}
        asked = {item.id for item in request.items}
        # The list of species in the set was made with the classes of that time.
        listed_classes = [name for name in classes_when_asked(request) if name in request.classes]
        owners = {class_folder_name(name): name for name in self.annotators}
        owner_of_file: dict[str, str] = {}
        for ddb in find_files_below(folder, ".ddb"):
            folders = ddb.parent.relative_to(folder).parts
            owner = owners.get(folders[0], "") if folders else ""
            owner_of_file[str(ddb)] = owner
            try:
                self._collect_file(ddb, folders, owner or self.annotator, listed_classes, item_by_name, asked, builder)
            except (FormatError, OSError) as error:
                builder.problems.append(unreadable_file_problem(ddb, error))
                builder.has_unread_rows = True
        answers = build_answers_with_label_once_per_file(builder, request.items)
        answered_by: dict[ItemId, set[str]] = defaultdict(set)
        for label in answers.labels:
            if owner := owner_of_file[label.file]:
                answered_by[label.item].add(owner)
        incomplete = sorted(item for item, people in answered_by.items() if len(people) < len(self.annotators))
        problems = [*answers.problems, *_unread_exports(folder, len(asked - {label.item for label in answers.labels}))]
        return replace(answers, incomplete=incomplete, problems=problems)

    def _collect_file(
        self,
        ddb: Path,
        folders: Sequence[str],
        annotator: str,
        listed_classes: Sequence[str],
        item_by_name: Mapping[str, ItemId],
        asked: set[ItemId],
        builder: AnswerBuilder,
    ) -> None:
        """Add the answers in a data file, which lies in `folders`, one inside the other, of the round's folder."""
        if ddb.suffix != ".ddb":
            builder.problems.append(Problem(str(ddb), None, "has an ending that Timelapse ignores. Rename it to .ddb."))
        template = read_template(ddb)
        builder.problems += species_field_problems(ddb, template, SPECIES, listed_classes)
        if template.find_field(SPECIES) is None:
            builder.has_unread_rows = True
            return
        columns = [name for name in (SPECIES, NEW_SPECIES, self.annotator_field) if name and template.find_field(name)]
        records, version = read_answer_records(ddb, columns)
        unknown = []
        for record in records:
            species, new = (record.cells.get(column, "").strip() for column in (SPECIES, NEW_SPECIES))
            # The manifest may name the image from any of the folders that the data file lies in.
            names = (
                windows_name_key("/".join((*folders[start:], record.image_path))) for start in range(len(folders) + 1)
            )
            item = next((item_by_name[name] for name in names if name in item_by_name), None)
            if item in asked:
                who = record.cells.get(self.annotator_field, "").strip() or annotator
                add_answer(builder, item, record, species or new, who, version)
                if species and new and species != new:
                    message = f"has both the Species '{species}', which counts, and the New species '{new}'. Clear one."
                    builder.problems.append(Problem(str(ddb), record.id, message))
            elif item is None and (species or new):
                unknown.append(record)
        if unknown:
            number = count_with_noun(len(unknown), "record")
            message = (
                f"'{unknown[0].image_path}' is not an image of this round, so its species is not used; there are "
                f"{number} such images. Add such images to the pool instead."
            )
            builder.problems.append(Problem(str(ddb), unknown[0].id, message))

    def _annotator_folders(self, folder: Path) -> list[Path]:
        return [folder / class_folder_name(name) for name in self.annotators] or [folder]

    def _instructions(self, request: Request, folder: Path) -> str:
        roots = self._annotator_folders(folder)
        where = f"in {folder}" if len(roots) == 1 else f"for each of {', '.join(self.annotators)}, in {folder}"
        template = next((file.name for file in files_directly_in(roots[0], ".tdb")), TEMPLATE_NAME)
        word = find_blank_class(request.classes, self.blank) or self.blank
        blank = f" '{word}' is a picture without an animal." if word else ""
        return (
            f"Round {request.round}: {count_with_noun(len(request.items), 'image')} to label {where}. Double-click "
            f"{template} there, on a computer with Timelapse, and give each image its Species. The right arrow key "
            f"shows the next image.{blank} Then run the same command again. It reads the answers so far, even while "
            f"Timelapse is open. {describe_classes(request.classes, self.new_classes, request.named_since)}"
        )


def _require_short_paths(root: Path, names: Iterable[str]) -> None:
    """Raise LabelError if a path is too long for Windows or Timelapse."""
    longest = max((str(root / name) for name in names), key=len, default="")
    if len(longest) + TEMPORARY_CHARACTERS > MAX_PATH_LENGTH or is_path_too_long(root / TEMPLATE_NAME):
        raise LabelError(
            f"The path {max(longest, str(root / TEMPLATE_NAME), key=len)} is too long: Windows and Timelapse "
            f"take {MAX_PATH_LENGTH} characters, backups included. Move the project to a folder with a shorter path, "
            "such as C:\\al, and run the command again."
        )


def _require_annotators(annotators: Sequence[str]) -> tuple[str, ...]:
    """Return the names. Raises BadParams if two names are equal, or if a name cannot be a folder."""
    people = tuple(str(name).strip() for name in annotators)
    folders = {
        windows_name_key(class_folder_name(name)) for name in people if name and not is_timelapse_or_system_name(name)
    }
    if isinstance(annotators, str) or len(folders) < len(people):
        raise BadParams(
            f"label_source.annotators is {annotators!r}; it must be a list of different names, e.g. [anna, bob], and "
            f"each must be a possible folder name."
        )
    return people


def _unread_exports(folder: Path, unanswered_count: int) -> list[Problem]:
    """Return a Problem for each CSV in the round's folder if images have no answer, because a CSV is not read."""
    files = [file for file in find_files_below(folder, ".csv") if file.name != MANIFEST] if unanswered_count else []
    what = "is not read. If it has answers, copy the data file (.ddb) from which it was exported into this folder."
    return [Problem(str(file), None, what) for file in files]
