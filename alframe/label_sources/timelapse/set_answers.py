"""Read people's own Timelapse set and its exports: once, and again only when a file has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alframe.formats.timelapse.data import to_forward_slashes
from alframe.kit.files import content_hash
from alframe.kit.progress import track
from alframe.kit.round_folders import normalise_name
from alframe.kit.tables import read_table
from alframe.label_sources.timelapse.answers import (
    AnswerRow,
    FileState,
    FileVersion,
    file_state,
    read_answer_rows,
    saved_at,
)
from alframe.types import Problem

TRIMMED = " \t\r\n"  # what Timelapse trims; other blanks may belong to a name


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """All rows of one file in which a species is filled in, by the path of the image below the set's folder.

    `unique_paths` gives the path in `by_path` for its normalised form, None where two images have the same form.
    """

    version: FileVersion
    by_path: Mapping[str, Sequence[AnswerRow]]
    unique_paths: Mapping[str, str | None]
    problems: Sequence[Problem] = ()

    def rows_of(self, image_path: str, file: Path, root: Path) -> Sequence[AnswerRow]:
        """Return the rows about an image, `file`; upper and lower case may differ, unless that is another image."""
        if image_path in self.by_path:
            return self.by_path[image_path]
        similar_path = self.unique_paths.get(normalise_name(image_path))
        if similar_path is None:
            return ()
        similar = root / similar_path
        is_another = similar.exists() and not (file.exists() and file.samefile(similar))
        return () if is_another else self.by_path[similar_path]


@dataclass
class AnswerFileCache:
    """Cache of what each file last held: a set is read once, however many rounds are asked about.

    `columns` are those to read, the one with the species first.
    """

    _files: dict[tuple[Path, int | None], tuple[FileState, AnswerFile]] = field(default_factory=dict)

    def data_file(self, ddb: Path, columns: Sequence[str]) -> AnswerFile:
        """Return the answers in a data file. Raises FormatError or OSError."""
        return self._get(ddb, None, lambda: read_data_file(ddb, columns))

    def export(self, file: Path, columns: Sequence[str], levels: int | None) -> AnswerFile:
        """Return the answers in a CSV. Raises OSError.

        `levels` is the set's number of folder levels, None if it is not known.
        """
        return self._get(file, levels, lambda: read_export(file, columns, levels))

    def _get(self, file: Path, levels: int | None, read: Callable[[], AnswerFile]) -> AnswerFile:
        state, cached = file_state(file), self._files.get((file, levels))
        if cached is None or cached[0] != state:
            cached = self._files[file, levels] = state, read()
        return cached[1]


def read_data_file(ddb: Path, columns: Sequence[str]) -> AnswerFile:
    """Read the answers in a data file. Raises FormatError or OSError."""
    rows, version = read_answer_rows(ddb, columns, filled=columns[0])
    return _answer_file(version, rows)


def read_export(file: Path, columns: Sequence[str], levels: int | None) -> AnswerFile:
    """Read the answers in a CSV that Timelapse exported, or that somebody has saved from one. Raises OSError.

    Timelapse leaves out the cells of folder levels that an image has not: they are put back before the rest.
    """
    state = file_state(file)
    problems: list[Problem] = []

    def align_cells(header: Sequence[str], cells: list[str]) -> list[str]:
        above = min(header.index("file"), header.index("rootfolder") if "rootfolder" in header else len(header))
        expected = above if levels is None else levels
        present = expected - (len(header) - len(cells))
        return cells[:present] + [""] * (expected - present) + cells[present:] if present >= 0 else cells

    def filled_rows() -> Iterator[AnswerRow]:
        table = read_table(file, ("File", "RelativePath", columns[0]), align_cells=align_cells)
        for row in track(table, f"Reading {file.name}", unit="row"):
            if isinstance(row, Problem):
                problems.append(row)
            elif row.get(columns[0]).strip():
                folder, name = (row.get(column).strip(TRIMMED) for column in ("RelativePath", "File"))
                folder = to_forward_slashes(folder)
                cells = {column: row.get(column) for column in columns}
                yield AnswerRow(row.line, f"{folder}/{name}" if folder else name, cells)

    rows = list(filled_rows())
    return _answer_file(FileVersion(str(file), saved_at(state), content_hash(file)), rows, problems)


def _answer_file(version: FileVersion, rows: Sequence[AnswerRow], problems: Sequence[Problem] = ()) -> AnswerFile:
    by_path: dict[str, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        by_path[row.image_path].append(row)
    unique_paths: dict[str, str | None] = {}
    for path in by_path:
        normalised = normalise_name(path)
        unique_paths[normalised] = None if normalised in unique_paths else path
    return AnswerFile(version, dict(by_path), unique_paths, problems)
