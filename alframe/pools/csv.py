"""Read the images that a CSV file lists, with the facts in its columns."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import PoolError
from alframe.kit.files import id_text
from alframe.kit.image_paths import absolute_path, where_to_download
from alframe.kit.listed_images import SEVERAL_RULES, ListedImage, ListedImages
from alframe.kit.parameters import did_you_mean, require_one_of, require_parameter
from alframe.kit.tables import (
    SEPARATORS,
    TableRow,
    find_header_line,
    is_text_of_unknown_encoding,
    is_workbook,
    read_column_names,
    read_table,
    require_encoding,
)
from alframe.kit.times import TimeColumn
from alframe.types import Item

log = logging.getLogger(__name__)
NOT_A_CLASS_NUMBER = "count as not labelled, since their label is not the number of a class"


@dataclass
class Csv:
    """List the images that are named in a CSV file, in the order of the file.

    A relative path starts at `root`. It can have forward slashes or backslashes. Each cell is read as text, so "001"
    can be a class. Spaces at the ends of a cell are ignored. An empty cell means "not known".

    Times are local times of the camera. UTC offsets are used only to compare times. A time can have any format if the
    whole column shows which number is the day and which is the month. Other times count as unknown, and a warning gives
    their number.
    """

    file: str | Path
    root: str | Path | None = None
    path_column: str = "path"
    label_column: str | None = None
    several: str = "skip"
    unlabelled: str | None = None
    camera_column: str | None = None
    time_column: str | None = None
    time_format: str | None = None
    sequence_column: str | None = None
    split_column: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8-sig"
    class_names: Sequence[str] = ()
    available_from: str | None = None

    def __post_init__(self) -> None:
        is_valid = self.delimiter is None or (len(self.delimiter) == 1 and self.delimiter not in '"\r\n')
        require_parameter("pool 'csv'", is_valid, "one character, or null to find it", delimiter=self.delimiter)
        columns = ("path", "label", "camera", "time", "sequence", "split")
        self.columns: dict[str, str | None] = {name: getattr(self, f"{name}_column") for name in columns}
        require_encoding(self.encoding, "pool.encoding")
        require_one_of("pool 'csv'", SEVERAL_RULES, several=self.several)

    def items(self) -> Iterator[Item]:
        """Yield the listed images. Raises PoolError with the file, the row (1 = the header's line) and a remedy.

        A row that cannot be read is left out. The log gives the number of these rows, and the unknown times.
        """
        file = absolute_path(self.file)
        columns = self._require_columns(file)
        root, hint = absolute_path(self.root or file.parent), where_to_download(self.available_from)
        listed = ListedImages(file, root, self.several, hint)
        texts = (row.get(self.time_column) for row in self._readable_rows(file, columns)) if self.time_column else ()
        listed.times = TimeColumn(texts, self.time_format, with_numbers=True)
        has_classes, splits = False, Counter[str]()
        for item in listed.items(
            self._listed_image(row, listed, splits) for row in self._readable_rows(file, columns, listed)
        ):
            has_classes |= item.label is not None
            yield item
        if self.split_column and "test" not in splits:
            named = ", ".join(f"'{value}' ({count} rows)" for value, count in splits.most_common(3)) or "none"
            text = "%s: no row has the split 'test', so all images can be requested. Values of the column '%s': %s."
            log.warning(text, file, self.split_column, named)
        if not has_classes and (example := listed.notes.examples.get(NOT_A_CLASS_NUMBER)):
            raise PoolError(f"{file}, {example}. Correct pool.class_names.")
        if self.time_format and listed.times.warnings() and not listed.times.known:
            raise PoolError(f"{file}: {listed.times.warnings()[0]} Correct pool.time_format, or set it to null.")

    def _require_columns(self, file: Path) -> Sequence[str]:
        """Return the names of the columns to read. Raises PoolError if one is missing, or the file cannot be read."""
        wanted = [name for name in self.columns.values() if name is not None]
        try:
            if is_workbook(file):
                raise PoolError(f"{file} is a workbook, which is not read. Save it as CSV UTF-8, and set pool.file.")
            names = read_column_names(file, self.encoding, self.delimiter or SEPARATORS, wanted)
            if self.encoding.startswith("utf") and is_text_of_unknown_encoding(file):
                raise PoolError(
                    f"{file} is not {self.encoding} text. Set pool.encoding, e.g. cp1252 for a file from Excel in "
                    "Western Europe, or save it as CSV UTF-8."
                )
        except FileNotFoundError:
            raise PoolError(
                f"{file} does not exist.{where_to_download(self.available_from)} "
                "Set pool.file to the CSV file that lists the images."
            ) from None
        except OSError as error:
            remedy = "Set pool.file to a readable CSV file."
            raise PoolError(f"{file} cannot be read: {error.strerror}. {remedy}") from error
        has_all = {name.strip().casefold() for name in wanted} <= set(map(str.casefold, names))
        if not has_all:
            line = find_header_line(file, wanted, self.encoding, self.delimiter or SEPARATORS) or 1
            if line > 1:
                raise PoolError(f"{file}: the columns {', '.join(wanted)} are in row {line}. Delete the rows above it.")
        for key, name in self.columns.items():
            if name is not None:
                _require_column(name, key, names, file)
        return wanted

    def _readable_rows(
        self, file: Path, columns: Sequence[str], listed: ListedImages | None = None
    ) -> Iterator[TableRow]:
        """Yield the rows that can be read, and count the others in `listed`."""
        for row in read_table(file, columns, self.encoding, separators=self.delimiter or SEPARATORS):
            if isinstance(row, TableRow):
                yield row
            elif row.row in (None, 1):
                raise PoolError(str(row))
            elif listed is not None:
                listed.count_left_out(
                    "are in rows that cannot be read", f"row {row.row}, which {row.message.strip('.')}"
                )

    def _listed_image(self, row: TableRow, listed: ListedImages, splits: Counter[str]) -> ListedImage:
        """Return the facts in a row, and count its split in `splits`."""
        cells = {key: "" if name is None else row.get(name).strip() for key, name in self.columns.items()}
        position = f"row {row.line}"
        split = cells["split"].lower()
        splits[split] += 1
        label = self._parse_label(cells["label"], position, listed)
        return ListedImage(
            cells["path"],
            position,
            [(label, None)] if label else [],
            split="test" if split == "test" else "pool",
            camera=cells["camera"] or None,
            sequence=cells["sequence"] or None,
            **listed.read_time_fields(cells["time"], position),
        )

    def _parse_label(self, text: str, position: str, listed: ListedImages) -> str | None:
        if text.casefold() in ("", str(self.unlabelled or "").strip().casefold()):
            return None
        if not self.class_names:
            return text
        number = id_text(text)  # 1.0 is 1
        if not (number.isascii() and number.isdigit() and int(number) < len(self.class_names)):
            example = (
                f"{position}: '{text}' in column '{self.columns['label']}' is not the number of one of the "
                f"{len(self.class_names)} classes, 0 to {len(self.class_names) - 1}"
            )
            listed.note(NOT_A_CLASS_NUMBER, example)
            return None
        return self.class_names[int(number)]


def _require_column(name: str, key: str, names: list[str], file: Path) -> None:
    """Raise PoolError unless the header has the column once, in upper or lower case."""
    count = [each.casefold() for each in names].count(name.strip().casefold())
    if count > 1:
        raise PoolError(f"{file} has {count} columns '{name}'. Rename all but one.")
    if not count:
        raise PoolError(
            f"{file} has no column '{name}'.{did_you_mean(name, names)} It has: {', '.join(names) or 'none'}. "
            f"Set pool.{key}_column."
        )
