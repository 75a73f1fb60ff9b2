"""Read Camtrap DP packages: deployments, media and observations of camera traps, in one folder."""

from __future__ import annotations

import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePath
from typing import Any

from alframe.errors import FormatError
from alframe.formats.camtrap_dp.standard import MISSING_CELLS, TABLE_COLUMNS
from alframe.formats.skipped import SkippedRecords
from alframe.formats.tables import (
    SEPARATORS,
    TableRow,
    is_text_of_unknown_encoding,
    normalise_column,
    read_column_names,
    read_table,
)
from alframe.formats.time_columns import is_day_first, read_time
from alframe.types import Box

log = logging.getLogger(__name__)
_VERSION = re.compile(r"/(\d+)\.\d+(?:\.\d+)?/")  # in the address of a package's profile, or of a table's schema
_FALLBACK_ENCODING = "cp1252"  # of spreadsheet programs in Western Europe and America


@dataclass(frozen=True, slots=True)
class CamtrapRow:
    """One row of a table: its `position` (file and line) for messages, and its cells by column, "" if missing."""

    position: str
    row: TableRow

    def __getitem__(self, column: str) -> str:
        cell = self.row.get(column).strip()
        return "" if cell in MISSING_CELLS else cell

    def time(self, column: str, day_first: bool | None = None) -> datetime | None:
        """Return the time of a cell, with its zone if it has one; None if it is not a time.

        Forms that only spreadsheets write are understood too. `day_first` is as in `read_time`.
        """
        with suppress(ValueError):
            return datetime.fromisoformat(self[column])
        found = read_time(self[column], day_first)
        if found.time is None or found.utc_offset is None:
            return found.time
        try:
            return found.time.replace(tzinfo=timezone(found.utc_offset))
        except ValueError:  # there is no such zone
            return None

    def box(self) -> Box | None:
        """Return the observation's box as fractions of the image; None if there is none."""
        try:
            x, y, w, h = (float(self[f"bbox{side}"]) for side in ("X", "Y", "Width", "Height"))
        except ValueError:
            return None
        is_inside = 0 <= x < 1 and 0 <= y < 1 and w > 0 and h > 0
        return Box(x, y, min(w, 1 - x), min(h, 1 - y)) if is_inside else None


def is_day_first_in(rows: Iterable[CamtrapRow], column: str) -> bool | None:
    """Return the order of day and month in the times of a column, as `is_day_first` does."""
    return is_day_first(row[column] for row in rows)


class CamtrapPackage:
    """The package in `folder`, which may also be a file datapackage.json. Tables may be gzipped.

    If a file cannot be read, FormatError has the file, the row and the remedy. `skipped` counts rows that are left out.
    Columns that are not needed may be missing. Source: https://camtrap-dp.tdwg.org, version 1.0.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.parent if folder.suffix == ".json" else folder
        self.description = _read_description(self.folder / "datapackage.json")
        self.skipped = SkippedRecords()
        if stated := _find_version(self.description):
            if stated[1] == "0":
                raise FormatError(_explain_version(self.folder, stated[0].strip("/")))
            if stated[1] != "1":
                text = "%s is Camtrap DP %s; alframe reads 1.x, and may misunderstand it."
                log.warning(text, self.folder, stated[0].strip("/"))

    def read_rows(self, table: str, required: tuple[str, ...]) -> Iterator[CamtrapRow]:
        """Yield the rows of "deployments", "media" or "observations" in order; the `required` columns must exist.

        Rows that cannot be read are counted in `skipped`.
        """
        resource = self._find_resource(table)
        dialect = resource.get("dialect")
        delimiter = dialect.get("delimiter") if isinstance(dialect, dict) else None
        separators = delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else SEPARATORS
        for file in self._find_files(table, resource.get("path")):
            self._check_header(file, required, separators)
            for row in read_table(file, required, _FALLBACK_ENCODING, separators=separators):
                if isinstance(row, TableRow):
                    yield CamtrapRow(f"{file.name}, row {row.line}", row)
                elif row.row in (None, 1):
                    raise FormatError(str(row))
                else:
                    what = f"{file.name}, row {row.row}, which {row.message}"
                    self.skipped.add("rows cannot be read, and are skipped", what)

    def _check_header(self, file: Path, required: tuple[str, ...], separators: str) -> None:
        try:
            header = read_column_names(file, _FALLBACK_ENCODING, separators, required)
            if is_text_of_unknown_encoding(file):
                text = "%s is not UTF-8, and is read as %s. If names look wrong, save it as CSV UTF-8."
                log.warning(text, file, _FALLBACK_ENCODING)
        except FileNotFoundError:
            tables = ", ".join(TABLE_COLUMNS)
            raise FormatError(f"{file} does not exist. A Camtrap DP has {tables} as CSV files.") from None
        except (OSError, EOFError, zlib.error) as error:
            raise FormatError(f"{file} cannot be read: {error}. Get the file again.") from error
        names = [normalise_column(name) for name in header]
        missing = [name for name in required if names.count(normalise_column(name)) != 1]
        if missing and "sequenceid" in names:
            raise FormatError(_explain_version(self.folder, "0.1.x (its observations have a sequenceID)"))
        if missing:
            raise FormatError(
                f"{file} must have the column {missing[0]} once. It has: {', '.join(filter(None, header)) or 'none'}."
            )

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

    def _find_resource(self, table: str) -> Mapping[str, Any]:
        """Return the part of the description about a table, or nothing."""
        resources = self.description.get("resources")
        for resource in resources if isinstance(resources, list) else []:
            if isinstance(resource, dict) and resource.get("name") == table:
                return resource
        return {}

    def _find_files(self, table: str, described: object) -> list[Path]:
        """Return the files of a table: one, or several, as a data package allows. `described` are their paths."""
        paths = [path for path in (described if isinstance(described, list) else [described]) if isinstance(path, str)]
        for path in paths:
            if "://" in path:
                raise FormatError(f"{self.folder}: the table {table} is at {path}. Download the whole package.")
            if "\0" in path or PurePath(path).is_absolute() or ".." in PurePath(path).parts:
                raise FormatError(
                    f"{self.folder}: the table {table} is at {path!r}, which is not in the package. Correct the "
                    "path in datapackage.json."
                )
        if paths:
            return [self.folder / path for path in paths]
        file = self.folder / f"{table}.csv"
        gzipped = self.folder / f"{table}.csv.gz"
        return [gzipped if gzipped.exists() and not file.exists() else file]


def _find_version(description: Mapping[str, Any]) -> re.Match[str] | None:
    """Return the match of the version in the profile's address, or else in that of a table's schema."""
    resources = description.get("resources")
    schemas = [res.get("schema") for res in resources if isinstance(res, dict)] if isinstance(resources, list) else []
    found = (_VERSION.search(address) for address in (description.get("profile"), *schemas) if isinstance(address, str))
    return next(filter(None, found), None)


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
