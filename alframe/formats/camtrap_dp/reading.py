"""Read Camtrap DP packages: deployments, media and observations of camera traps, in one folder."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from alframe.errors import FormatError
from alframe.formats.camtrap_dp.standard import MISSING, TABLE_COLUMNS
from alframe.formats.skipped import SkippedRecords
from alframe.types import Box

_VERSION = re.compile(r"/(\d+)\.\d+(?:\.\d+)?/")  # in the address of a package's profile


@dataclass(frozen=True, slots=True)
class CamtrapRow:
    """One row of a table: its `position` (file and line) for messages, and its cells by column, "" where missing."""

    position: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def time(self, column: str) -> datetime | None:
        """Return the time of a cell, with its zone if it has one; None if it is not a time."""
        try:
            return datetime.fromisoformat(self[column])
        except ValueError:
            return None

    def box(self) -> Box | None:
        """Return the observation's box as fractions of the image; None if there is none."""
        try:
            x, y, w, h = (float(self[f"bbox{side}"]) for side in ("X", "Y", "Width", "Height"))
        except ValueError:
            return None
        is_inside = 0 <= x < 1 and 0 <= y < 1 and w > 0 and h > 0
        return Box(x, y, min(w, 1 - x), min(h, 1 - y)) if is_inside else None


class CamtrapPackage:
    """The package in `folder`, or described by the datapackage.json `folder`; tables may be gzipped.

    What cannot be read raises FormatError with the file, the row and the remedy; `skipped` counts rows that are left
    out. Source: https://camtrap-dp.tdwg.org, version 1.0; columns that are not needed may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.parent if folder.suffix == ".json" else folder
        self.description = _read_description(self.folder / "datapackage.json")
        self.skipped = SkippedRecords()
        stated = _VERSION.search(str(self.description.get("profile")))
        if stated and stated[1] == "0":
            raise FormatError(_explain_version(self.folder, stated[0].strip("/")))

    def read_rows(self, table: str, required: tuple[str, ...]) -> Iterator[CamtrapRow]:
        """Yield the rows of "deployments", "media" or "observations" in order; the `required` columns must exist."""
        file = self._find_table(table)
        try:
            open_text = gzip.open if file.suffix == ".gz" else open
            with open_text(file, "rt", encoding="utf-8-sig", newline="") as text:
                yield from self._parse_rows(file, csv.reader(text, strict=True), required)
        except csv.Error as error:
            raise FormatError(f"{file}: {error}. Is a quotation mark left open there?") from error
        except FileNotFoundError:
            tables = ", ".join(TABLE_COLUMNS)
            raise FormatError(f"{file} does not exist. A Camtrap DP has {tables} as CSV files.") from None
        except UnicodeError as error:
            raise FormatError(f"{file} is not UTF-8 text ({error}). Save it as CSV UTF-8.") from error
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(f"{file} cannot be read: {error}. Get the file again.") from error

    def _parse_rows(self, file: Path, reader: Any, required: tuple[str, ...]) -> Iterator[CamtrapRow]:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in required if header.count(name) != 1]
        if missing and "sequenceID" in header:
            raise FormatError(_explain_version(self.folder, "0.1.x (its observations have a sequenceID)"))
        if missing:
            raise FormatError(f"{file} must have the column {missing[0]} once. It has: {', '.join(header) or 'none'}.")
        line = reader.line_num + 1
        for cells in reader:
            if any(map(str.strip, cells[len(header) :])):
                counts = f"{file.name}, row {line}: {len(cells)} cells, but the header has {len(header)}"
                self.skipped.add("rows have too many cells, and are skipped", f"{counts}. Correct the row.")
            elif any(map(str.strip, cells)):
                stripped = zip(header, (cell.strip() for cell in cells), strict=False)
                known = {name: cell for name, cell in stripped if cell not in MISSING}
                yield CamtrapRow(f"{file.name}, row {line}", known)
            line = reader.line_num + 1

    def vernacular_names(self, language: str) -> dict[str, str]:
        """Return scientific name -> name in the language, e.g. eng, for the species that have one."""
        taxa = self.description.get("taxonomic")
        vernacular = {}
        for taxon in taxa if isinstance(taxa, list) else []:
            names = taxon.get("vernacularNames") if isinstance(taxon, dict) else None
            name = names.get(language) if isinstance(names, dict) else None
            if isinstance(name, str) and name.strip():
                vernacular[str(taxon.get("scientificName"))] = name.strip()
        return vernacular

    def _find_table(self, table: str) -> Path:
        resources = self.description.get("resources")
        for resource in resources if isinstance(resources, list) else []:
            path = resource.get("path") if isinstance(resource, dict) and resource.get("name") == table else None
            if isinstance(path, str):
                if "://" in path:
                    raise FormatError(f"{self.folder}: the table {table} is at {path}. Download the whole package.")
                if "\0" in path or PurePath(path).is_absolute() or ".." in PurePath(path).parts:
                    raise FormatError(
                        f"{self.folder}: the table {table} is at {path!r}, which is not in the package. Correct the "
                        "path in datapackage.json."
                    )
                return self.folder / path
        file = self.folder / f"{table}.csv"
        gzipped = self.folder / f"{table}.csv.gz"
        return gzipped if gzipped.exists() and not file.exists() else file


def _explain_version(folder: Path, version: str) -> str:
    return (
        f"{folder} is Camtrap DP {version}; alframe reads 1.x. Export the package again as Camtrap DP 1.0 from the "
        "program that it is from, or convert it."
    )


def _read_description(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{file} cannot be read: {error}. Get the file again.") from error
    if not isinstance(content, dict):
        raise FormatError(f"{file} does not describe a data package. Get the file again.")
    return content
