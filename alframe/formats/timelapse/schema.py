"""Tables of Timelapse's files, and rules for their fields. Source: Timelapse 2.5.0.6 and real files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from alframe.errors import FormatError

TEMPLATE_VERSION = "2.3.3.0"  # old enough never to be called newer than the program, new enough for today's tables

_CONTROL = (
    "Type TEXT, DefaultValue TEXT, Label TEXT, DataLabel TEXT, Tooltip TEXT, Visible TEXT, List TEXT, "
    "ExportToCSV TEXT DEFAULT 'True'"
)
_ORDER = "Id INTEGER PRIMARY KEY AUTOINCREMENT, ControlOrder INTEGER, SpreadsheetOrder INTEGER"
TEMPLATE_TABLES = (
    f"CREATE TABLE TemplateTable ( {_ORDER}, {_CONTROL}, TXTBOXWIDTH TEXT, Copyable TEXT )",
    f"CREATE TABLE FolderDataTemplateTable ( {_ORDER}, Level INTEGER, {_CONTROL} )",
    "CREATE TABLE FolderDataInfo ( Id INTEGER PRIMARY KEY AUTOINCREMENT, Level INTEGER, Guid TEXT, Alias TEXT )",
)
# The first name is misspelt in Timelapse, and must stay so.
TEMPLATE_INFO = (
    "CREATE TABLE TemplateInfo ( VersionCompatabily TEXT DEFAULT '', BackwardsCompatibility TEXT DEFAULT '', "
    "Standard TEXT DEFAULT '' )"
)

INTEGER_AND_DECIMAL_TYPES = {"IntegerAny", "IntegerPositive", "DecimalAny", "DecimalPositive"}
CHOICE_TYPES = {"FixedChoice", "MultiChoice"}
_OTHER_TYPES = {"Note", "MultiLine", "AlphaNumeric", "Counter", "Flag", "DateTime_", "Date_", "Time_"}
FIELD_TYPES = INTEGER_AND_DECIMAL_TYPES | CHOICE_TYPES | _OTHER_TYPES
DATA_LABEL_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Timelapse puts names unquoted into its SQL.
_SQL = """abort action add after all alter always analyze and as asc attach autoincrement before begin between by
    cascade case cast check collate column commit conflict constraint create cross current current_date
    current_time current_timestamp database date datetime default deferrable deferred delete desc detach
    distinct do drop each else end escape except exclude exclusive exists explain fail filter first following
    for foreign from full generated glob group groups having id if ignore immediate in index indexed initially
    inner insert instead intersect into is isnull join key last left like limit match materialized natural no
    not nothing notnull null nulls of offset on or order others outer over partition plan pragma preceding
    primary query raise range recursive references regexp reindex release rename replace restrict returning
    right rollback row rows savepoint select set table temp temporary then ties time to transaction trigger
    unbounded union unique update using vacuum values view virtual when where window with without"""
SQL_WORDS = frozenset(_SQL.split())


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a template, with Timelapse's `type`. `choices` are case-sensitive, and `width` is in pixels."""

    type: str
    data_label: str  # its name in the data
    label: str = ""  # its name for people, if that is another one
    default: str = ""
    tooltip: str = ""
    choices: tuple[str, ...] = ()
    copyable: bool = False
    visible: bool = True
    export: bool = True
    width: int = 100

    @property
    def display_label(self) -> str:
        return self.label or self.data_label


STANDARD_FIELDS = (
    Field("File", "File", tooltip="The file name"),
    Field("RelativePath", "RelativePath", tooltip="Path from the root folder to the file"),
    Field("DateTime", "DateTime", default="2024-01-01 12:00:00", tooltip="Date and time taken", width=160),
    Field("DeleteFlag", "DeleteFlag", "Delete?", "false", "Mark a file as one to be deleted", export=False, width=20),
)


def require_valid_fields(fields: Sequence[Field]) -> None:
    """Raise FormatError if Timelapse would refuse these fields, or would fail later because of them."""
    for field in fields:
        name = f"The field '{field.data_label}'"
        if field.type not in FIELD_TYPES:
            raise FormatError(f"{name} has the type '{field.type}'. Choose one of {', '.join(sorted(FIELD_TYPES))}.")
        if not DATA_LABEL_PATTERN.fullmatch(field.data_label) or field.data_label.casefold() in SQL_WORDS:
            raise FormatError(
                f"{name} cannot be a Data Label in Timelapse: that is a letter and then letters, digits or _, and no "
                "word of SQL. Choose another name."
            )
        if (
            field.type in INTEGER_AND_DECIMAL_TYPES and field.default
        ):  # else Timelapse rebuilds its table at every opening
            raise FormatError(f"{name} is a number, so it must not have a default value. Remove it.")
        if field.type in CHOICE_TYPES and field.default and field.default not in field.choices:
            raise FormatError(f"{name} has the default '{field.default}', which is not in its list. Add it there.")
        if any(item != item.strip() or not item for item in field.choices):
            raise FormatError(f"{name} has a list item that is empty or has spaces around it. Remove them.")
        if field.type == "MultiChoice" and any("," in item for item in field.choices):
            raise FormatError(f"{name} may hold several items, so none may have a comma in it. Remove it.")
    data_labels = [field.data_label.casefold() for field in (*STANDARD_FIELDS, *fields)]
    labels = [field.display_label for field in (*STANDARD_FIELDS, *fields)]
    for kind, used in (("Data Label", data_labels), ("Label", labels)):
        if repeated := next((name for name in used if used.count(name) > 1), None):
            raise FormatError(f"Two fields have the {kind} '{repeated}'. Rename one.")
