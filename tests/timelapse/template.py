"""A template (.tdb): what is in it, and what the Template Editor does to it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.timelapse.database import columns, connected, tables, writing

TEMPLATE_TABLE = (
    "CREATE TABLE TemplateTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT, ControlOrder INTEGER, "
    "SpreadsheetOrder INTEGER, Type TEXT, DefaultValue TEXT, Label TEXT, DataLabel TEXT, Tooltip TEXT, "
    "Visible TEXT, List TEXT, ExportToCSV TEXT DEFAULT 'True', TXTBOXWIDTH TEXT, Copyable TEXT )"
)
FOLDER_TABLES = (
    "CREATE TABLE FolderDataTemplateTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT, ControlOrder INTEGER, "
    "SpreadsheetOrder INTEGER, Level INTEGER, Type TEXT, DefaultValue TEXT, Label TEXT, DataLabel TEXT, Tooltip TEXT, "
    "Visible TEXT, List TEXT, ExportToCSV TEXT DEFAULT 'True' )",
    "CREATE TABLE FolderDataInfo ( Id INTEGER PRIMARY KEY AUTOINCREMENT, Level INTEGER, Guid TEXT, Alias TEXT )",
)
INFO_TABLE = (
    "CREATE TABLE TemplateInfo ( VersionCompatabily TEXT DEFAULT '', BackwardsCompatibility TEXT DEFAULT '', "
    "Standard TEXT DEFAULT '' )"
)
VERSION = "2.5.0.6"
BACKWARDS = "2.3.3.0"
_WIDTHS = {"DateTime": "160", "DateTime_": "160", "Flag": "20", "DeleteFlag": "20", "Counter": "30"}
_STANDARD = (
    ("File", "File", "", "File", True, False),
    ("RelativePath", "RelativePath", "", "RelativePath", True, False),
    ("DateTime", "DateTime", "2024-01-01 12:00:00", "DateTime", True, False),
    ("DeleteFlag", "DeleteFlag", "false", "Delete?", False, False),
)


@dataclass(frozen=True)
class Control:
    """One row of a TemplateTable, understood."""

    type: str
    data_label: str
    label: str
    default: str = ""
    choices: tuple[str, ...] = ()
    include_empty: bool = True
    visible: bool = True
    export: bool = True
    copyable: bool = False
    position: int = 0  # in the spreadsheet


def true(text: object) -> bool:
    return str(text).strip().lower() == "true"


def read_list(text: str | None) -> tuple[tuple[str, ...], bool]:
    """A choice list and whether it has an empty choice; trailing commas are forgiven, what else is wrong is no list."""
    loose = re.sub(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', lambda found: found[1] or "", text or "")
    try:
        said = json.loads(loose)
        items = tuple(dict.fromkeys(str(item) for item in said["ChoiceListNonEmpty"]))
        return items, bool(said.get("IncludeEmptyChoice", False))
    except (ValueError, TypeError, KeyError, AttributeError):
        return (), False


def write_list(items: Sequence[str], include_empty: bool = True) -> str:
    said = {"IncludeEmptyChoice": include_empty, "ChoiceListNonEmpty": list(items)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def read_controls(connection: sqlite3.Connection) -> list[Control]:
    """In the order of the window."""
    # A file of an older version lacks ExportToCSV until it is opened.
    export = "ExportToCSV" if "ExportToCSV" in columns(connection, "TemplateTable") else "'True'"
    controls = []
    for kind, data_label, label, default, text, visible, exported, copyable, position in connection.execute(
        f"SELECT Type, DataLabel, Label, DefaultValue, List, Visible, {export}, Copyable, SpreadsheetOrder "
        "FROM TemplateTable ORDER BY ControlOrder, Id"
    ):
        items, empty = read_list(text)
        shown = (true(visible), true(exported), true(copyable))
        controls.append(Control(kind, data_label, label, default or "", items, empty, *shown, position or 0))
    return controls


class TemplateEditor:
    """The Template Editor, which writes to the .tdb alone."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @classmethod
    def new(cls, file: Path) -> TemplateEditor:
        """An empty template: the four standard fields."""
        with writing(file) as connection:
            for statement in (TEMPLATE_TABLE, *FOLDER_TABLES, INFO_TABLE):
                connection.execute(statement)
            connection.execute("INSERT INTO TemplateInfo VALUES (?, ?, '')", (VERSION, BACKWARDS))
        editor = cls(file)
        for kind, data_label, default, label, export, copyable in _STANDARD:
            editor.add(kind, data_label, label=label, default=default, export=export, copyable=copyable)
        return editor

    def add(
        self,
        kind: str,
        data_label: str,
        choices: Sequence[str] = (),
        *,
        label: str = "",
        default: str | None = None,
        export: bool = True,
        copyable: bool | None = None,
        visible: bool = True,
    ) -> TemplateEditor:
        if default is None:
            default = "false" if kind == "Flag" else ""
        if copyable is None:
            copyable = kind in ("FixedChoice", "MultiChoice", "Counter")
        text = write_list(choices) if kind in ("FixedChoice", "MultiChoice") else ""
        with writing(self.file) as connection:
            (order,) = connection.execute("SELECT coalesce(max(ControlOrder), 0) + 1 FROM TemplateTable").fetchone()
            connection.execute(
                "INSERT INTO TemplateTable (ControlOrder, SpreadsheetOrder, Type, DefaultValue, Label, DataLabel, "
                "Tooltip, Visible, List, ExportToCSV, TXTBOXWIDTH, Copyable) VALUES (?,?,?,?,?,?,'',?,?,?,?,?)",
                (
                    *(order, order, kind, default, label or data_label, data_label, str(visible).lower(), text),
                    *(str(export).lower(), _WIDTHS.get(kind, "100"), str(copyable).lower()),
                ),
            )
        return self

    def level(self, alias: str) -> TemplateEditor:
        """One more folder level."""
        with writing(self.file) as connection:
            (level,) = connection.execute("SELECT coalesce(max(Level), 0) + 1 FROM FolderDataInfo").fetchone()
            connection.execute("INSERT INTO FolderDataInfo (Level, Guid, Alias) VALUES (?, ?, ?)", (level, "", alias))
        return self

    def controls(self) -> list[Control]:
        with connected(self.file) as connection:
            return read_controls(connection)

    def rename_label(self, data_label: str, label: str) -> None:
        self._change(data_label, "Label", label)

    def reorder(self, data_labels: Sequence[str]) -> None:
        """The order of the columns of an export."""
        for position, data_label in enumerate(data_labels, start=1):
            self._change(data_label, "SpreadsheetOrder", position)

    def add_choice(self, data_label: str, item: str) -> None:
        items, empty = self._list(data_label)
        # The editor trims what is typed.
        self._change(data_label, "List", write_list([*items, item.strip()], empty))

    def remove_choice(self, data_label: str, item: str) -> None:
        items, empty = self._list(data_label)
        self._change(data_label, "List", write_list([one for one in items if one != item], empty))

    def delete(self, data_label: str) -> None:
        with writing(self.file) as connection:
            connection.execute("DELETE FROM TemplateTable WHERE DataLabel = ?", (data_label,))

    def _list(self, data_label: str) -> tuple[tuple[str, ...], bool]:
        (control,) = (one for one in self.controls() if one.data_label == data_label)
        return control.choices, control.include_empty

    def _change(self, data_label: str, column: str, value: object) -> None:
        with writing(self.file) as connection:
            done = connection.execute(f"UPDATE TemplateTable SET {column} = ? WHERE DataLabel = ?", (value, data_label))
            assert done.rowcount == 1, data_label


def levels(connection: sqlite3.Connection) -> list[str]:
    """The names of the folder levels, from the top."""
    if "FolderDataInfo" not in tables(connection):
        return []
    rows = connection.execute("SELECT Level, Alias FROM FolderDataInfo ORDER BY Level")
    return [(alias or "").strip() or f"Level-{level}" for level, alias in rows]
