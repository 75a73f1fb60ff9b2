"""Data files: the `.ddb` in which Timelapse keeps one record for each image, or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.timelapse.sqlite import column_names as columns_of
from alframe.formats.timelapse.sqlite import open_read_only, quote_name
from alframe.formats.timelapse.template import UPGRADE_HINT

PAGE_RECORDS = 10_000  # records a transaction; a long one would stop Timelapse from saving
QUERY_IMAGES = 400  # images a question; SQLite takes 32,766 values, and 999 in its older days


@dataclass(frozen=True, slots=True)
class Record:
    """One row. Several may be of one image, and `id` may change: an image is known by its `image_path`.

    `relative_path` has forward slashes and is empty for the root folder; `cells` holds the wanted columns as text.
    """

    id: int
    relative_path: str
    file: str
    cells: Mapping[str, str]

    @property
    def image_path(self) -> str:
        """The path of the image below the set's folder."""
        return f"{self.relative_path}/{self.file}" if self.relative_path else self.file


def read_records(ddb: Path, columns: Sequence[str], filled: str | None = None) -> Iterator[Record]:
    """All records in the order of their Ids, or only those in which the column `filled` is not blank.

    Reads pages of short transactions, each with a connection of its own, so that Timelapse can go on saving.
    Raises FormatError.
    """
    names = tuple(columns)
    wanted = ("Id", "RelativePath", "File", *names)
    only = f"AND trim({quote_name(filled)}) <> ''" if filled else ""
    after = -(2**63)
    while True:
        with open_read_only(ddb) as db:
            _require_columns(
                ddb, columns_of(db, "DataTable"), columns_of(db, "ImageSetTable"), (*wanted, filled or "Id")
            )
            rows = db.execute(
                f"SELECT {', '.join(map(quote_name, wanted))} FROM DataTable WHERE Id > ? {only} "
                f"ORDER BY Id LIMIT {PAGE_RECORDS}",
                (after,),
            ).fetchall()
        for id_, folder, file, *cells in rows:
            yield Record(
                id_,
                to_forward_slashes(_to_text(folder)),
                _to_text(file),
                dict(zip(names, map(_to_text, cells), strict=True)),
            )
        if len(rows) < PAGE_RECORDS:
            return
        after = rows[-1][0]


def to_forward_slashes(relative_path: str) -> str:
    """A RelativePath of Timelapse's with forward slashes, and none at its ends."""
    return relative_path.replace("\\", "/").strip("/")


def _require_columns(ddb: Path, there: Sequence[str], about: Sequence[str], wanted: Sequence[str]) -> None:
    if not {"Id", "File", "RelativePath"} <= set(there) or not about:
        raise FormatError(f"{ddb} is no Timelapse data file: it has no table of images. Choose the .ddb of the set.")
    if "VersionCompatabily" not in about or "UtcOffset" in there:
        raise FormatError(f"{ddb}: {UPGRADE_HINT}")
    folded = {name.casefold() for name in there}  # as SQLite compares them
    for name in wanted:
        if name.casefold() not in folded:
            raise FormatError(f"{ddb} has no field with the Data Label '{name}'. It has: {', '.join(there)}.")


def _to_text(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return "" if cell is None else str(cell)


def find_blank_images(ddb: Path, column: str, images: Sequence[tuple[str, str]]) -> set[str]:
    """Those of the images, as (folder with forward slashes, file), of which a record has nothing in `column`.

    Their keys. Uses Timelapse's index, so it costs as much as there are images. Raises FormatError.
    """
    found = set()
    with open_read_only(ddb) as db:
        _require_columns(ddb, columns_of(db, "DataTable"), columns_of(db, "ImageSetTable"), (column,))
        for start in range(0, len(images), QUERY_IMAGES):
            batch = images[start : start + QUERY_IMAGES]
            values = [part for folder, file in batch for part in (folder.replace("/", "\\"), file)]
            found |= {
                f"{to_forward_slashes(folder)}/{file}".removeprefix("/")
                for folder, file in db.execute(
                    # A plain IN would go through the whole table.
                    f"WITH asked(folder, name) AS (VALUES {', '.join(['(?, ?)'] * len(batch))}) "
                    "SELECT RelativePath, File FROM asked CROSS JOIN DataTable "
                    f"ON RelativePath = folder AND File = name WHERE trim({quote_name(column)}) = ''",
                    values,
                ).fetchall()
            }
    return found
