"""What may be in a cell of each type, in the window and in a CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from tests.timelapse.template import Control

STANDARD = ("File", "RelativePath", "DateTime", "DeleteFlag")
FREE = (
    *("Note", "MultiLine", "AlphaNumeric", "Counter", "IntegerAny", "IntegerPositive", "DecimalAny"),
    *("DecimalPositive", "FixedChoice", "MultiChoice", "Flag", "DateTime_", "Date_", "Time_"),
)
# The column default of these is always blank.
NUMBERS = ("IntegerAny", "IntegerPositive", "DecimalAny", "DecimalPositive")

# Words that cannot be the name of a column, where names are put unquoted into SQL.
_KEYWORDS = set(
    re.findall(
        r"\w+",
        "id row datetime query date time abort action add after all alter always analyze and as asc attach "
        "autoincrement before begin between by cascade case cast check collate column commit conflict constraint "
        "create cross current database default deferrable deferred delete desc detach distinct do drop each else "
        "end escape except exclude exclusive exists explain fail filter first following for foreign from full "
        "generated glob group groups having if ignore immediate in index indexed initially inner insert instead "
        "intersect into is isnull join key last left like limit match materialized natural no not nothing notnull "
        "null nulls of offset on or order others outer over partition plan pragma preceding primary raise range "
        "recursive references regexp reindex release rename replace restrict returning right rollback rows "
        "savepoint select set table temp temporary then ties to transaction trigger unbounded union unique update "
        "using vacuum values view virtual when where window with without",
    )
)

DATETIME = "%Y-%m-%d %H:%M:%S"
DATETIME_T = "%Y-%m-%dT%H:%M:%S"
DATETIME_SHOWN = "%d-%b-%Y %H:%M:%S"
DATE = "%Y-%m-%d"
DATE_SHOWN = "%d-%b-%Y"
TIME = "%H:%M:%S"

_SHAPES = {
    DATETIME: r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    DATETIME_T: r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    DATETIME_SHOWN: r"\d\d-[A-Za-z]{3}-\d{4} \d\d:\d\d:\d\d",
    DATE: r"\d{4}-\d\d-\d\d",
    DATE_SHOWN: r"\d\d-[A-Za-z]{3}-\d{4}",
    TIME: r"\d\d:\d\d:\d\d",
}


def illegal(controls: Sequence[Control]) -> str:
    """Why a template with these fields cannot be used, or nothing."""
    for kind in STANDARD:
        if [one.data_label for one in controls if one.type == kind] != [kind]:
            return f"there is not exactly one field {kind}"
    for names in ([one.data_label for one in controls], [one.label for one in controls]):
        if len(set(names)) < len(names):
            return f"a name occurs twice: {names}"
    for control in controls:
        if control.type not in (*STANDARD, *FREE):
            return f"unknown type {control.type}"
        legal = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", control.data_label)
        if control.type in FREE and (not legal or control.data_label.lower() in _KEYWORDS):
            return f"{control.data_label!r} cannot be a DataLabel"
    return ""


def moment(text: str, *formats: str, short: bool = False) -> datetime | None:
    """The time that `text` says in exactly one of the formats; `short` also takes one digit for two."""
    for form in formats:
        shape = _SHAPES[form]
        if short:
            shape = re.sub(r"^\\d\\d(?!\d)", r"\\d{1,2}", shape)
        if re.fullmatch(shape, text):
            try:
                return datetime.strptime(text, form)
            except ValueError:
                continue
    return None


def wrong(control: Control, value: str) -> str:
    """Why an import takes no such cell, or nothing."""
    kind = control.type
    blank = not value.strip()
    if kind in ("Flag", "DeleteFlag"):
        return "" if value.strip().lower() in ("true", "false") else "must be true or false"
    if kind in ("Counter", "IntegerAny", "IntegerPositive"):
        good = blank or (_integer(value) and (kind != "IntegerPositive" or int(value) >= 0))
        return "" if good else "must be blank or an integer"
    if kind in ("DecimalAny", "DecimalPositive"):
        good = blank or (_decimal(value) and (kind == "DecimalAny" or float(value) >= 0))
        return "" if good else "must be blank or a decimal"
    if kind == "AlphaNumeric":
        return "" if blank or re.fullmatch(r"[A-Za-z0-9_-]+", value) else "must be letters, digits, - and _"
    if kind == "FixedChoice":
        return "" if blank or value in control.choices else "must be in the template's choice list"
    if kind == "MultiChoice":
        good = blank or all(part in control.choices for part in value.split(","))
        return "" if good else "must be in the template's choice list"
    formats = {
        "DateTime_": (DATETIME, DATETIME_T, DATETIME_SHOWN),
        "Date_": (DATE_SHOWN, DATE),
        "Time_": (TIME,),
    }.get(kind)
    return "" if formats is None or moment(value, *formats) else "must be in one of the date formats"


def unenterable(control: Control, value: str) -> str:
    """Why a person cannot enter this in the window, or nothing."""
    if control.type in ("File", "RelativePath"):
        return "cannot be edited"
    if not control.visible:
        return "is not shown"
    if control.type in ("Flag", "DeleteFlag"):
        return "" if value in ("true", "false") else "is a box to tick"
    if control.type == "FixedChoice" and not value:
        return "" if control.include_empty else "has no empty choice"
    if control.type == "Counter":
        return "" if not value or value.isdecimal() else "takes whole numbers"
    if control.type == "DateTime":
        return "" if moment(value, DATETIME) else "takes a date and time"
    if control.type == "Note" and ("\n" in value or "\r" in value):
        return "has one line"
    return wrong(control, value)


def _integer(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[+-]?\d+\s*", text)) and -(2**31) <= int(text) < 2**31


def _decimal(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", text))
