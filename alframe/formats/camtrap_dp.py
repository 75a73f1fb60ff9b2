"""Camtrap DP packages, read: deployments, media and observations of camera traps, in one folder."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alframe.errors import FormatError
from alframe.types import Box

TABLES = ("deployments", "media", "observations")
MISSING = frozenset({"", "NA", "NaN", "nan"})


@dataclass(frozen=True, slots=True)
class CamtrapRow:
    """One row of a table: where it stands, and its cells by column, "" where missing."""

    place: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def time(self, column: str) -> datetime | None:
        """The time of a cell with its zone, or None."""
        try:
            time = datetime.fromisoformat(self[column])
        except ValueError:
            return None
        return time if time.tzinfo else None

    def local(self, column: str) -> datetime | None:
        """The time of a cell by the camera's clock: the zone it is written in is dropped."""
        try:
            return datetime.fromisoformat(self[column]).replace(tzinfo=None)
        except ValueError:
            return None

    def box(self) -> Box | None:
        """The observation's box as fractions, or None."""
        try:
            x, y, w, h = (float(self[f"bbox{side}"]) for side in ("X", "Y", "Width", "Height"))
        except ValueError:
            return None
        inside = 0 <= x < 1 and 0 <= y < 1 and w > 0 and h > 0
        return Box(x, y, min(w, 1 - x), min(h, 1 - y)) if inside else None


class CamtrapPackage:
    """The package in `folder`, or described by the datapackage.json `folder`; tables may be gzipped.

    Raises FormatError for whatever is not as it should be, with the file, the row and the remedy. Source:
    https://camtrap-dp.tdwg.org, version 1.0; columns that are not needed may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.parent if folder.suffix == ".json" else folder
        self.description = _read_description(self.folder / "datapackage.json")

    def rows(self, table: str, required: tuple[str, ...]) -> Iterator[CamtrapRow]:
        """The rows of one of the TABLES, in order."""
        file = self._file(table)
        try:
            with io.TextIOWrapper(_open(file), encoding="utf-8-sig", newline="") as text:
                yield from _parse_rows(file, csv.reader(text, strict=True), required)
        except csv.Error as error:
            raise FormatError(f"{file}: {error}. Is a quotation mark left open there?") from error
        except FileNotFoundError:
            raise FormatError(f"{file} does not exist. A Camtrap DP has {', '.join(TABLES)} as CSV files.") from None
        except UnicodeError as error:
            raise FormatError(f"{file} is not UTF-8 text ({error}). Save it as CSV UTF-8.") from error
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(f"{file} cannot be read: {error}. Get the file again.") from error

    def vernacular(self, language: str) -> dict[str, str]:
        """Scientific name -> name in a language, e.g. eng, where the package gives one."""
        taxa = self.description.get("taxonomic")
        named = [one for one in taxa if isinstance(one, dict)] if isinstance(taxa, list) else []
        found = {}
        for one in named:
            names = one.get("vernacularNames")
            name = names.get(language) if isinstance(names, dict) else None
            if isinstance(name, str) and name.strip():
                found[str(one.get("scientificName"))] = name.strip()
        return found

    def _file(self, table: str) -> Path:
        resources = self.description.get("resources")
        for one in resources if isinstance(resources, list) else []:
            path = one.get("path") if isinstance(one, dict) and one.get("name") == table else None
            if isinstance(path, str):
                if "://" in path:
                    raise FormatError(f"{self.folder}: the table {table} is at {path}. Download the whole package.")
                return self.folder / path
        plain = self.folder / f"{table}.csv"
        packed = self.folder / f"{table}.csv.gz"
        return packed if packed.exists() and not plain.exists() else plain


def _open(file: Path) -> io.BufferedReader | gzip.GzipFile:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")


def _parse_rows(file: Path, reader: Any, required: tuple[str, ...]) -> Iterator[CamtrapRow]:
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in required if header.count(name) != 1]
    if missing:
        raise FormatError(f"{file} must have the column {missing[0]} once. It has: {', '.join(header) or 'none'}.")
    line = reader.line_num + 1
    for cells in reader:
        if any(map(str.strip, cells)):
            if len(cells) > len(header):
                raise FormatError(f"{file}, row {line}: {len(cells)} cells, but the header has {len(header)}.")
            plain = (cell.strip() for cell in cells)
            kept = {name: cell for name, cell in zip(header, plain, strict=False) if cell not in MISSING}
            yield CamtrapRow(f"{file.name}, row {line}", kept)
        line = reader.line_num + 1


def _read_description(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{file} cannot be read: {error}. Get the file again.") from error
    if not isinstance(content, dict):
        raise FormatError(f"{file} is no description of a data package. Get the file again.")
    return content
