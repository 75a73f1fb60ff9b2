"""Read and write templates: the `.tdb` file with the fields of an image set, or its copy in a `.ddb`."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.timelapse import schema
from alframe.formats.timelapse.schema import Field
from alframe.formats.timelapse.sqlite import column_names, explain_errors, open_read_only, quote_name
from alframe.store.files import replace_atomically

__all__ = ["Field", "Template", "format_choices", "parse_choices", "read_template", "write_template"]

UPGRADE_HINT = "Timelapse before 2.3 made it. Open it once in the current Timelapse, which upgrades it."
# What Timelapse itself accepts, though no JSON has it: a comma before a closing bracket.
# A string without end reaches to the end of the text: looked at from each of its quotes, a long one would take hours.
_STRING_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*[\]}])', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Template:
    """Fields in the order in which they are exported; `levels` names the folder levels, outermost first."""

    fields: tuple[Field, ...]
    levels: tuple[str, ...] = ()

    def find_field(self, data_label: str) -> Field | None:
        """Return the field of this Data Label, which is case-sensitive, or None."""
        return next((field for field in self.fields if field.data_label == data_label), None)


def read_template(file: Path) -> Template:
    """Read the template in a `.tdb` or `.ddb`; raises FormatError."""
    with open_read_only(file) as db:
        columns = set(column_names(db, "TemplateTable"))
        info = column_names(db, "ImageSetTable" if column_names(db, "DataTable") else "TemplateInfo")
        if not {"Type", "DataLabel"} <= columns:
            raise FormatError(
                f"{file} is not a Timelapse template or data file: it has no fields. Choose a .tdb or .ddb file."
            )
        names = ("Type", "DataLabel", "Label", "DefaultValue", "Tooltip", "List", "Copyable", "Visible", "ExportToCSV")
        selected = ", ".join(quote_name(name) if name in columns else "NULL" for name in (*names, "TXTBOXWIDTH"))
        order = "SpreadsheetOrder" if "SpreadsheetOrder" in columns else "rowid"
        rows = db.execute(f"SELECT {selected} FROM TemplateTable ORDER BY {order}, rowid").fetchall()
        levels = []
        if {"Level", "Alias"} <= set(column_names(db, "FolderDataInfo")):
            levels = db.execute("SELECT Level, Alias FROM FolderDataInfo ORDER BY Level").fetchall()
    fields = tuple(map(_parse_field, rows))
    if "VersionCompatabily" not in info or any(field.type == "UtcOffset" for field in fields):
        raise FormatError(f"{file}: {UPGRADE_HINT}")
    if not any(field.type == "File" for field in fields):
        raise FormatError(f"{file} has no field of the type File. Put back a copy from the folder Backups.")
    return Template(fields, tuple(str(alias or "").strip() or f"Level-{level}" for level, alias in levels))


def is_multi_choice(ddb: Path, data_label: str) -> bool:
    """Return whether the cells of a field hold several choices; False if its template cannot be read."""
    try:
        field = read_template(ddb).find_field(data_label)
    except FormatError:
        return False
    return field is not None and field.type == "MultiChoice"


def write_template(file: Path, fields: Sequence[Field]) -> None:
    """Replace the template, with the four standard fields before `fields`; raises FormatError."""
    schema.require_valid_fields(fields)
    with explain_errors(file), replace_atomically(file) as temporary, closing(sqlite3.connect(temporary)) as db, db:
        create_template_tables(db, fields)
        db.execute(schema.TEMPLATE_INFO)
        db.execute("INSERT INTO TemplateInfo VALUES (?, ?, '')", (schema.TEMPLATE_VERSION, schema.TEMPLATE_VERSION))


def create_template_tables(db: sqlite3.Connection, fields: Sequence[Field]) -> None:
    """Create the tables that templates and data files have in common."""
    for table in schema.TEMPLATE_TABLES:
        db.execute(table)
    db.executemany(
        f"INSERT INTO TemplateTable VALUES ({', '.join('?' * 13)})",
        [
            (
                *(number, number, number, field.type, field.default, field.display_label, field.data_label),
                *(field.tooltip, str(field.visible).lower(), format_choices(field.choices) if field.choices else ""),
                *(str(field.export).lower(), str(field.width), str(field.copyable).lower()),
            )
            for number, field in enumerate((*schema.STANDARD_FIELDS, *fields), start=1)
        ],
    )


def parse_choices(text: str) -> tuple[str, ...]:
    """Return the items of a choice list, each once. As in Timelapse, there are none if the text is not a list."""
    try:
        data = json.loads(_STRING_OR_COMMA.sub(lambda match: match[1] or "", text))
        items = data["ChoiceListNonEmpty"]
        return tuple(dict.fromkeys(str(item) for item in items if isinstance(item, str | int | float) and str(item)))
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def all_lists_offer_empty(file: Path) -> bool:
    """Return whether all choice lists have an empty choice, which a saved selection needs. Raises FormatError."""
    with open_read_only(file) as db:
        rows = db.execute("SELECT List FROM TemplateTable WHERE Type IN ('FixedChoice', 'MultiChoice')").fetchall()
    try:
        lists = [json.loads(_STRING_OR_COMMA.sub(lambda match: match[1] or "", str(row[0]))) for row in rows]
        return all(choices["IncludeEmptyChoice"] is True for choices in lists)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def format_choices(items: Sequence[str]) -> str:
    """Return the text of a choice list with an empty choice, without which Timelapse forgets a saved selection."""
    return json.dumps(
        {"IncludeEmptyChoice": True, "ChoiceListNonEmpty": list(dict.fromkeys(items))},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _parse_field(cells: Sequence[object]) -> Field:
    texts = ("" if cell is None else str(cell) for cell in cells)
    type_, data_label, label, default, tooltip, items, copyable, visible, export, width = texts
    flags = (copyable.casefold() == "true", visible.casefold() != "false", export.casefold() != "false")
    pixels = int(width) if width.isascii() and width.isdigit() and len(width) < 6 else 100
    return Field(type_, data_label, label, default, tooltip, parse_choices(items), *flags, pixels)
