"""One Timelapse set of people for all their images. Each round is selected in this set, and read from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import FormatError, LabelError
from alframe.formats.timelapse.data import find_images_with_empty_cell
from alframe.formats.timelapse.folders import files_directly_in
from alframe.formats.timelapse.template import Template, read_template
from alframe.kit.answers import AnswerBuilder
from alframe.kit.classes import NEW_CLASSES_RULES, UNSURE_WORDS, describe_classes, parse_unsure_words
from alframe.kit.image_paths import absolute_path
from alframe.kit.parameters import require_one_of
from alframe.kit.round_folders import round_folder
from alframe.kit.tables import files_in_folder, find_tables
from alframe.label_sources.timelapse.answers import (
    add_answer,
    build_answers_with_label_once_per_file,
    make_answer_builder,
    species_field_problems,
    unreadable_file_problem,
)
from alframe.label_sources.timelapse.set_answers import AnswerFile, read_data_file, read_export, read_if_changed
from alframe.label_sources.timelapse.set_request import prepare_first_opening, request_selection
from alframe.label_sources.timelapse.set_selection import FieldNames, plan_selection, require_set_fields
from alframe.types import Answers, Item, ItemId, Problem, Request


@dataclass
class TimelapseSet:
    """Ask for labels in your own Timelapse set.

    In each round, the images of the batch are marked with a Flag, and the other fields below are filled in. People
    write the species as usual.
    """

    set: str | Path
    species: str = "Species"
    selected: str = "Selected"
    round_field: str = "ALRound"
    prediction_field: str = "ALPrediction"
    confidence_field: str = "ALConfidence"
    annotator_field: str = ""
    exports: str | Path | Sequence[str | Path] = ()
    write: bool = False
    unsure: str | Sequence[str] = UNSURE_WORDS
    new_classes: str = "ask"
    annotator: str = ""
    blank: str = "blank"

    answers_now = False
    answers_persist = True

    def __post_init__(self) -> None:
        require_one_of("label_source 'timelapse_set'", NEW_CLASSES_RULES, new_classes=self.new_classes)
        self.unsure = parse_unsure_words(self.unsure)
        self.blank = self.blank.strip()
        self.names = FieldNames(
            self.species,
            self.selected,
            self.round_field,
            self.prediction_field,
            self.confidence_field,
            self.annotator_field,
        )
        self._cache: dict[Path, tuple[object, AnswerFile]] = {}

    def check(self) -> None:
        """Raise LabelError if there is no such set, or if it lacks a field."""
        with self._explaining_errors():
            root, ddb = self._find_set_and_data_file()
            for file in [ddb] if ddb else files_directly_in(root, ".tdb")[:1]:
                require_set_fields(read_template(file), file, self.names)

    def request(self, request: Request) -> str:
        """Write the changes to a CSV, or into the set. The images of earlier rounds are deselected."""
        with self._explaining_errors():
            round_folder(request).mkdir(parents=True, exist_ok=True)  # for exports
            root, ddb = self._find_set_and_data_file()
            if ddb is None:
                return prepare_first_opening(root, request, self.names, self.blank)
            template = read_template(ddb)
            require_set_fields(template, ddb, self.names)
            plan = plan_selection(ddb, template, request, _set_path_by_id(request.items, root), self.names)
            lines = request_selection(request, ddb, template, plan, self.names, self.unsure, self.write)
            return "\n".join([*lines, describe_classes(request.classes, self.new_classes, request.named_since)])

    def collect(self, request: Request) -> Answers:
        """Return the answers about these images in the data file and all exports, also from other rounds."""
        builder = make_answer_builder(request.classes, self.blank, self.new_classes, self.unsure)
        template = None
        try:
            root, ddb = self._find_set_and_data_file()
        except (LabelError, OSError) as error:
            builder.problems.append(Problem(str(self.set), None, str(error).removeprefix(str(self.set)).strip()))
            builder.has_unread_rows = True
            root, ddb = Path(self.set), None
        image_paths = _set_path_by_id(request.items, root)
        try:
            if ddb is not None:
                template = read_template(ddb)
                self._collect_from_data_file(ddb, template, request, image_paths, builder)
        except (FormatError, OSError) as error:
            builder.problems.append(unreadable_file_problem(ddb or root, error))
            builder.has_unread_rows = True
        exports, problems = find_tables(self.exports, request.folder, "label_source.exports")
        builder.problems += problems
        builder.has_unread_rows |= bool(problems)
        for folder in sorted(request.folder.glob("round-*")):
            exports += files_in_folder(folder)
        levels = len(template.levels) if template else None
        for file in exports:
            try:
                answers = read_if_changed(self._cache, file, read_export, self.names.answer_columns, levels)
                names_requested = self._collect_file(answers, template, request.items, image_paths, root, builder)
                builder.problems += answers.problems
                builder.has_unread_rows |= bool(answers.problems)
                if not names_requested:
                    builder.problems += _other_root_problem(answers, image_paths.values(), root)
            except OSError as error:
                builder.problems.append(unreadable_file_problem(file, error))
                builder.has_unread_rows = True
        return build_answers_with_label_once_per_file(builder, request.items)

    def _collect_from_data_file(
        self, ddb: Path, template: Template, request: Request, image_paths: Mapping[ItemId, str], builder: AnswerBuilder
    ) -> None:
        """Add the labels in the data file, and the images without one."""
        builder.problems += species_field_problems(ddb, template, self.names.species, request.classes)
        if template.find_field(self.names.species) is None:
            builder.has_unread_rows = True
            return
        answers = read_if_changed(self._cache, ddb, read_data_file, self.names.answer_columns)
        self._collect_file(answers, template, request.items, image_paths, ddb.parent, builder)
        labelled = {label.item for label in builder.raw_labels}
        unlabelled = {path: item for item, path in image_paths.items() if item not in labelled}
        if unlabelled and labelled:  # asked of the file as it is now: what was filled in since is in neither
            images = [(folder, file) for folder, _, file in (path.rpartition("/") for path in unlabelled)]
            for path in find_images_with_empty_cell(ddb, self.names.species, images):
                builder.add_unanswered(answers.version.file, unlabelled[path])

    def _collect_file(
        self,
        answers: AnswerFile,
        template: Template | None,
        items: Sequence[Item],
        image_paths: Mapping[ItemId, str],
        root: Path,
        builder: AnswerBuilder,
    ) -> bool:
        """Add the labels of one file; return whether it has a record of one of the images."""
        species = template.find_field(self.names.species) if template else None
        has_lists = species is not None and species.type == "MultiChoice"
        names_requested = False
        for item in items:
            if item.id not in image_paths:
                continue
            for record in answers.records_of(image_paths[item.id], item.path, root):
                names_requested = True
                cell = record.cells[self.names.species]
                annotator = record.cells.get(self.names.annotator, "").strip() or self.annotator
                for name in cell.split(",") if has_lists else [cell]:
                    add_answer(builder, item.id, record, name, annotator, answers.version)
        return names_requested

    @contextmanager
    def _explaining_errors(self) -> Iterator[None]:
        try:
            yield
        except FormatError as error:
            raise LabelError(str(error)) from error
        except OSError as error:
            raise LabelError(f"The Timelapse set {self.set} cannot be used: {error}. Check that folder.") from error

    def _find_set_and_data_file(self) -> tuple[Path, Path | None]:
        """Return the set's folder, and its data file or None. Raises LabelError."""
        path = Path(self.set).expanduser()
        if not path.exists():
            raise LabelError(f"{self.set} does not exist. Set label_source.set to the set's .tdb or its folder.")
        if path.is_file() and path.suffix.casefold() == ".ddb":
            return path.parent, path
        root = path if path.is_dir() else path.parent
        data_files = files_directly_in(root, ".ddb")
        chosen = [file for file in data_files if path.is_file() and file.stem == path.stem] or data_files
        if len(chosen) > 1:
            listing = ", ".join(file.name for file in chosen)
            raise LabelError(f"{self.set} has several data files: {listing}. Set label_source.set to one of them.")
        return root, chosen[0] if chosen else None


def _other_root_problem(answers: AnswerFile, requested: Iterable[str], root: Path) -> Iterator[Problem]:
    """Yield a Problem if the paths in an export without requested images seem to start at another folder."""
    in_folders = {path.casefold(): path for path in requested if "/" in path}
    tails = {tail: path for key, path in in_folders.items() for tail in _shortened_paths(key)}
    for path, records in answers.by_path.items():
        key = path.casefold()
        meant = tails.get(key) or next((in_folders[tail] for tail in _shortened_paths(key) if tail in in_folders), None)
        if meant is not None and not (root / path).exists():
            message = (
                f"No record is about a requested image, but {path!r} ends like {meant!r}. If it is that image, write "
                f"its RelativePath as it is below the folder of the set, {root}."
            )
            yield Problem(answers.version.file, records[0].id, message)
            return


def _shortened_paths(path: str) -> Iterator[str]:
    """Yield a path without its first folder, without its first two, and so on."""
    while "/" in path:
        path = path.partition("/")[2]
        yield path


def _set_path_by_id(items: Sequence[Item], root: Path) -> dict[ItemId, str]:
    """Return the path of each image below the set's folder, or its id if it is in another folder.

    An item that is one of several boxes in an image is left out, because a set has no record for a box.
    """
    folder, real_folder = absolute_path(root), root.resolve()
    paths = {}
    for item in items:
        if "box" in item.meta:
            continue
        path = absolute_path(item.path)
        if path.is_relative_to(folder):
            paths[item.id] = path.relative_to(folder).as_posix()
        elif (real := item.path.resolve()).is_relative_to(real_folder):
            paths[item.id] = real.relative_to(real_folder).as_posix()
        else:
            paths[item.id] = item.id
    return paths
