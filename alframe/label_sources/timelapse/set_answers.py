"""Read people's own Timelapse set and its exports. A file is read again only if it has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.formats.timelapse.data import Record, to_forward_slashes
from alframe.kit.files import content_hash
from alframe.kit.progress import track
from alframe.kit.round_folders import windows_name_key
from alframe.kit.tables import read_table
from alframe.label_sources.timelapse.answers import FileVersion, file_state, read_answer_records, saved_at
from alframe.types import Problem

TRIMMED_CHARACTERS = " \t\r\n"  # what Timelapse trims; other blanks may belong to a name


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """All records of one file that have a species, by the path of the image below the set's folder.

    `path_by_normalised` gives the path in `by_path` for its normalised form, or None if two images have the same form.
    """

    version: FileVersion
    by_path: Mapping[str, Sequence[Record]]
    path_by_normalised: Mapping[str, str | None]
    problems: Sequence[Problem] = ()

    def records_of(self, image_path: str, file: Path, root: Path) -> Sequence[Record]:
        """Return the records about the image `file`. Upper and lower case may differ, unless this is another image."""
        if image_path in self.by_path:
            return self.by_path[image_path]
        similar_path = self.path_by_normalised.get(windows_name_key(image_path))
        if similar_path is None:
            return ()
        similar = root / similar_path
        is_another = similar.exists() and not (file.exists() and file.samefile(similar))
        return () if is_another else self.by_path[similar_path]


def read_if_changed(
    cache: dict[Path, tuple[object, AnswerFile]], file: Path, read: Callable[..., AnswerFile], *args: object
) -> AnswerFile:
    """Return `read(file, *args)`, from `cache` if neither the file nor `args` has changed."""
    state = (file_state(file), args)
    if file not in cache or cache[file][0] != state:
        cache[file] = state, read(file, *args)
    return cache[file][1]


def read_data_file(ddb: Path, columns: Sequence[str]) -> AnswerFile:
    """Read the answers in a data file; the first of `columns` has the species. Raises FormatError or OSError."""
    records, version = read_answer_records(ddb, columns, filled_column=columns[0])
    return _make_answer_file(version, records)


def read_export(file: Path, columns: Sequence[str], levels: int | None) -> AnswerFile:
    """Read the answers in a CSV from Timelapse, or in a CSV that another program has saved from it. Raises OSError.

    `levels` is the set's number of folder levels, or None if it is not known. Timelapse leaves out the cells of levels
    that an image lacks, so this function adds empty cells for them.
    """
    state = file_state(file)
    problems: list[Problem] = []

    def align_cells(header: Sequence[str], cells: list[str]) -> list[str]:
        above = min(header.index("file"), header.index("rootfolder") if "rootfolder" in header else len(header))
        expected = above if levels is None else levels
        present = expected - (len(header) - len(cells))
        return cells[:present] + [""] * (expected - present) + cells[present:] if present >= 0 else cells

    records = []
    table = read_table(file, ("File", "RelativePath", columns[0]), align_cells=align_cells)
    for row in track(table, f"Reading {file.name}", unit="row"):
        if isinstance(row, Problem):
            problems.append(row)
        elif row.get(columns[0]).strip():
            folder, name = (row.get(column).strip(TRIMMED_CHARACTERS) for column in ("RelativePath", "File"))
            cells = {column: row.get(column) for column in columns}
            records.append(Record(row.line, to_forward_slashes(folder), name, cells))
    return _make_answer_file(FileVersion(str(file), saved_at(state), content_hash(file)), records, problems)


def _make_answer_file(version: FileVersion, records: Sequence[Record], problems: Sequence[Problem] = ()) -> AnswerFile:
    by_path: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_path[record.image_path].append(record)
    path_by_normalised: dict[str, str | None] = {}
    for path in by_path:
        normalised = windows_name_key(path)
        path_by_normalised[normalised] = None if normalised in path_by_normalised else path
    return AnswerFile(version, dict(by_path), path_by_normalised, problems)
