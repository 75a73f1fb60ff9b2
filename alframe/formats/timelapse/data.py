"""Read data files: the `.ddb` in which Timelapse keeps one record for each image, or several."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.chunks import row_slices
from alframe.errors import FormatError
from alframe.formats.timelapse.sqlite import column_names, open_read_only, quote_name
from alframe.formats.timelapse.template import UPGRADE_HINT

MAX_CELL_BYTES = 10_000  # of a longer cell only the beginning is read, which is no class, path or number
PAGE_RECORDS = 10_000  # in a transaction; a long one would stop Timelapse from saving
QUERY_IMAGES = 400  # in a query; SQLite takes 32,766 values, and older versions 999


@dataclass(frozen=True, slots=True)
class Record:
    """One record. An image may have several records, and `id` may change: `image_path` identifies the image.

    `relative_path` has forward slashes and is empty for the root folder; `cells` has the requested columns as text.
    """

    id: int
    relative_path: str
    file: str
    cells: Mapping[str, str]

    @property
    def image_path(self) -> str:
        """The path of the image below the set's folder."""
        return f"{self.relative_path}/{self.file}" if self.relative_path else self.file


def read_records(ddb: Path, columns: Sequence[str], filled_column: str | None = None) -> Iterator[Record]:
    """Yield all records in the order of their Ids, or only those in which the column `filled_column` is not blank.

    A record without an Id gets its position in the table instead.

    Each page of records has a separate connection with a short transaction, so that Timelapse can save in between.
    Raises FormatError.
    """
    names = tuple(columns)
    selected = ("RelativePath", "File", *names)
    cells = ", ".join(map(_bounded_cell_sql, selected))
    condition = f"AND trim({quote_name(filled_column)}) <> ''" if filled_column else ""
    last_id = -(2**63)
    while True:
        with open_read_only(ddb) as db:
            _require_columns(ddb, db, ("Id", *selected, filled_column or "Id"))
            rows = db.execute(
                f"SELECT _rowid_, {cells} FROM DataTable WHERE _rowid_ > ? {condition} "
                f"ORDER BY _rowid_ LIMIT {PAGE_RECORDS}",
                (last_id,),
            ).fetchall()
        for id_, *values in rows:
            folder, file, *texts = map(_to_text, values)
            yield Record(id_, to_forward_slashes(folder), file, dict(zip(names, texts, strict=True)))
        if len(rows) < PAGE_RECORDS:
            return
        last_id = rows[-1][0]


def _bounded_cell_sql(column: str) -> str:
    """Return the SQL of a cell, or of its beginning if it is too long for thousands of them to be in memory."""
    name = quote_name(column)
    return f"iif(length(CAST({name} AS BLOB)) > {MAX_CELL_BYTES}, substr({name}, 1, 1000), {name})"


def to_forward_slashes(relative_path: str) -> str:
    """Return a RelativePath of Timelapse with forward slashes, and without slashes at its ends."""
    return relative_path.replace("\\", "/").strip("/")


def _require_columns(ddb: Path, db: sqlite3.Connection, required: Sequence[str]) -> None:
    columns, set_columns = column_names(db, "DataTable"), column_names(db, "ImageSetTable")
    if not {"Id", "File", "RelativePath"} <= set(columns) or not set_columns:
        raise FormatError(f"{ddb} is not a Timelapse data file: it has no table of images. Choose the .ddb of the set.")
    if "VersionCompatabily" not in set_columns or "UtcOffset" in columns:
        raise FormatError(f"{ddb}: {UPGRADE_HINT}")
    caseless = {name.casefold() for name in columns}  # as SQLite compares them
    for name in required:
        if name.casefold() not in caseless:
            raise FormatError(f"{ddb} has no field with the Data Label '{name}'. It has: {', '.join(columns)}.")


def _to_text(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return "" if cell is None else str(cell)


def find_images_with_empty_cell(ddb: Path, column: str, images: Sequence[tuple[str, str]]) -> set[str]:
    """Return the paths of the images, given as (folder, file), that have a record with an empty cell in `column`.

    Folders have forward slashes. The query uses Timelapse's index, so it reads only these images. Raises FormatError.
    """
    blank = set()
    with open_read_only(ddb) as db:
        _require_columns(ddb, db, (column,))
        for rows in row_slices(len(images), QUERY_IMAGES):
            queried = images[rows]
            values = [part for folder, file in queried for part in (folder.replace("/", "\\"), file)]
            blank |= {
                f"{to_forward_slashes(folder)}/{file}".removeprefix("/")
                for folder, file in db.execute(
                    # A mere IN would go through the whole table.
                    f"WITH asked(folder, name) AS (VALUES {', '.join(['(?, ?)'] * len(queried))}) "
                    "SELECT RelativePath, File FROM asked CROSS JOIN DataTable "
                    f"ON RelativePath = folder AND File = name WHERE trim({quote_name(column)}) = ''",
                    values,
                ).fetchall()
            }
    return blank
