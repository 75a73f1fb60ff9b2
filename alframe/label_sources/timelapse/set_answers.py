"""What people's own Timelapse set and its exports say: read once, and again only when a file has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alframe.formats.digests import content_hash
from alframe.formats.tables import read_table
from alframe.formats.timelapse.data import to_forward_slashes
from alframe.label_sources.timelapse.answers import Said, Source, Stamp, load, saved, stamp
from alframe.label_sources.timelapse.images import folded
from alframe.progress import track
from alframe.types import Problem

BLANKS = " \t\r\n"  # what Timelapse trims; other blanks may belong to a name


@dataclass(frozen=True, slots=True)
class Fields:
    """The Data Labels: of the field that holds the answers, and of the one that says whose they are (or "")."""

    species: str
    annotator: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.species, self.annotator) if self.annotator else (self.species,)


@dataclass(frozen=True, slots=True)
class Reading:
    """All records of one file in which a species is filled in, by the path of the image below the set's folder."""

    source: Source
    filled: Mapping[str, Sequence[Said]]
    loose: Mapping[str, str | None]
    problems: Sequence[Problem] = ()

    def of(self, key: str, path: Path, root: Path) -> Sequence[Said]:
        """What is said of an image; upper and lower case may differ, unless that is another image."""
        if key in self.filled:
            return self.filled[key]
        alike = self.loose.get(folded(key))
        if alike is None:
            return ()
        other = root / alike
        another = other.exists() and not (path.exists() and path.samefile(other))
        return () if another else self.filled[alike]


@dataclass
class Readings:
    """Keeps the last reading of each file: a set is read once, however many rounds are asked about."""

    kept: dict[tuple[Path, int | None], tuple[Stamp, Reading]] = field(default_factory=dict)

    def data(self, ddb: Path, fields: Fields) -> Reading:
        """The answers in a data file. Raises FormatError or OSError."""
        return self._get(ddb, None, lambda: read_data(ddb, fields))

    def export(self, file: Path, fields: Fields, levels: int | None) -> Reading:
        """The answers in a CSV; `levels` is how many folder levels the set has, None if that is not known. OSError."""
        return self._get(file, levels, lambda: read_export(file, fields, levels))

    def _get(self, file: Path, levels: int | None, read: Callable[[], Reading]) -> Reading:
        now, before = stamp(file), self.kept.get((file, levels))
        if before is None or before[0] != now:
            before = self.kept[file, levels] = now, read()
        return before[1]


def read_data(ddb: Path, fields: Fields) -> Reading:
    """The answers in a data file. Raises FormatError or OSError."""
    said, source = load(ddb, fields.wanted, filled=fields.species)
    return _reading(source, said)


def read_export(file: Path, fields: Fields, levels: int | None) -> Reading:
    """The answers in a CSV that Timelapse exported, or that somebody has saved from one. Raises OSError.

    Timelapse leaves out the cells of folder levels that an image has not: they are put back before the rest.
    """
    before = stamp(file)
    problems: list[Problem] = []

    def fit(header: Sequence[str], cells: list[str]) -> list[str]:
        above = min(header.index("file"), header.index("rootfolder") if "rootfolder" in header else len(header))
        expected = above if levels is None else levels
        present = expected - (len(header) - len(cells))
        return cells[:present] + [""] * (expected - present) + cells[present:] if present >= 0 else cells

    def said() -> Iterator[Said]:
        table = read_table(file, ("File", "RelativePath", fields.species), align_cells=fit)
        for row in track(table, f"Reading {file.name}", unit="row"):
            if isinstance(row, Problem):
                problems.append(row)
            elif row.get(fields.species).strip():
                folder, name = (row.get(column).strip(BLANKS) for column in ("RelativePath", "File"))
                folder = to_forward_slashes(folder)
                cells = {column: row.get(column) for column in fields.wanted}
                yield Said(row.line, f"{folder}/{name}" if folder else name, cells)

    found = list(said())
    return _reading(Source(str(file), saved(before), content_hash(file)), found, problems)


def _reading(source: Source, said: Sequence[Said], problems: Sequence[Problem] = ()) -> Reading:
    filled: dict[str, list[Said]] = defaultdict(list)
    for one in said:
        filled[one.key].append(one)
    loose: dict[str, str | None] = {}
    for key in filled:
        plain = folded(key)
        loose[plain] = None if plain in loose else key
    return Reading(source, dict(filled), loose, problems)
