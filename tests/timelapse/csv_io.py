"""Export to CSV and import from it, by Timelapse's rules and with its quirks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.timelapse import values
from tests.timelapse.database import WAIT, connected, writing
from tests.timelapse.template import Control

BATCH = 2000
# Headers that are taken although no template has them.
TOLERATED = ("RootFolder", "Date", "Time", "Folder", "ImageQuality")
# A field in quotes (doubled inside), or, where the quoting is bad, whatever comes before the next comma.
_FIELD = re.compile(r'[ \t]*"([^"]*(?:""[^"]*)*)"[ \t]*(?=[,\r\n]|\Z)|([^,\r\n]*)')


@dataclass(frozen=True)
class Preferences:
    """How times are written: ``space``, ``T`` or ``columns``; a space before each; the folder's name in a column."""

    datetime: str = "space"
    space_before: bool = True
    root_folder: bool = True


@dataclass
class Imported:
    """What an import did, and what it told the user in its last dialog."""

    imported: bool = False
    dialog: str = ""
    problems: list[str] = field(default_factory=list)
    updated: int = 0  # records that UPDATE statements hit


def export(
    file: Path,
    rows: Sequence[dict[str, Any]],
    controls: Sequence[Control],
    levels: Sequence[str],
    root: str,
    preferences: Preferences,
) -> None:
    """The given records, in their order. UTF-8 without byte-order mark, CRLF."""
    exported = sorted((control for control in controls if control.export), key=lambda one: one.position)
    header = [*levels, *(["RootFolder"] if preferences.root_folder else [])]
    for control in exported:
        two = control.type == "DateTime" and preferences.datetime == "columns"
        header += ["Date", "Time"] if two else [control.data_label]
    lines = [header]
    for row in rows:
        parts = row["RelativePath"].split("\\") if row["RelativePath"] else []
        # An image in fewer folders than there are levels gets fewer cells: Timelapse's own mistake.
        cells = ["", *("\\".join(parts[:depth]) for depth in range(1, len(parts) + 1))][: len(levels)]
        cells += [root] if preferences.root_folder else []
        for control in exported:
            cells += _cells(control, str(row[control.data_label] or ""), preferences)
        lines.append(cells)
    text = "".join(",".join(map(_quoted, cells)) + "\r\n" for cells in lines)
    file.write_bytes(text.encode("utf-8"))


def _cells(control: Control, value: str, preferences: Preferences) -> list[str]:
    before = " " if preferences.space_before else ""
    columns = preferences.datetime == "columns"
    single = values.DATETIME_T if preferences.datetime == "T" else values.DATETIME
    if control.type in ("DateTime", "DateTime_"):
        when = values.moment(value, values.DATETIME)
        if control.type == "DateTime" and columns:
            forms = (values.DATE_SHOWN, values.TIME)
        else:
            forms = (values.DATETIME_SHOWN if columns else single,)
        return [before + when.strftime(form) if when else "" for form in forms]
    if control.type == "Date_":
        when = values.moment(value, values.DATE)
        return [before + when.strftime(values.DATE_SHOWN if columns else values.DATE) if when else ""]
    if control.type == "Time_":
        return [before + value if values.moment(value, values.TIME) else ""]
    return [value]


def _quoted(cell: str) -> str:
    if any(character in cell for character in '",\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def parse(text: str) -> Iterator[list[str]]:
    """Rows of trimmed fields; empty lines are skipped and bad quoting is tolerated."""
    at, row = 0, []
    while at < len(text):
        if not row and text[at] in "\r\n":
            at += 1
            continue
        match = _FIELD.match(text, at)
        assert match is not None
        row.append(match[1].replace('""', '"') if match[1] is not None else match[2].strip())
        at = match.end()
        if at < len(text) and text[at] == ",":
            at += 1
            if at == len(text):
                row.append("")
        else:
            yield row
            row = []
            at += 1
    if row:
        yield row


def import_into(
    ddb: Path, file: Path, controls: Sequence[Control], levels: Sequence[str], wait: float = WAIT
) -> Imported:
    """All or nothing up to the checks of the cells; then batches of transactions."""
    result = Imported()
    try:
        rows = list(parse(file.read_bytes().decode("utf-8-sig", errors="replace")))
    except OSError as error:
        return _aborted(result, "can't import", str(error))
    if len(rows) < 2:
        return _aborted(result, "can't import", "the file is empty or has no data rows")
    header, *body = rows
    keep = [at for at, name in enumerate(header) if name not in levels]
    # Blank and repeated headers are dropped, but not the cells below them: what follows is shifted.
    names = list(dict.fromkeys(header[at] for at in keep if header[at]))
    try:
        body = [[row[at] for at in keep] for row in body]
        records = [{name: row[at] for at, name in enumerate(names)} for row in body]
    except IndexError:
        return _aborted(result, "can't import", "the file is likely already open in another program")
    if problems := _wrong_headers(names, controls):
        return _aborted(result, "CSV file imported ... successfully imported, with several warnings", *problems)
    by_name = {control.data_label: control for control in controls}
    if problems := _wrong_cells(records, by_name):
        return _aborted(result, "can't import", *problems)
    for record in records:
        record["RelativePath"] = record["RelativePath"].replace("/", "\\")
    _update(ddb, records, by_name, result, wait)
    result.imported, result.dialog = True, "CSV file imported ... successfully imported"
    return result


def _aborted(result: Imported, dialog: str, *problems: str) -> Imported:
    result.dialog = dialog
    result.problems += problems
    return result


def _wrong_headers(names: Sequence[str], controls: Sequence[Control]) -> list[str]:
    known = {control.data_label for control in controls} | set(TOLERATED)
    missing = [f"the column {name} is missing" for name in ("File", "RelativePath") if name not in names]
    return missing + [f"the heading {name} matches no DataLabel" for name in names if name not in known]


def _wrong_cells(records: Sequence[dict[str, str]], by_name: dict[str, Control]) -> list[str]:
    problems: list[str] = []
    bad_rows = 0
    for number, record in enumerate(records, start=1):
        found = [
            f"error in row {number}: {name} {why}, but is {value!r}"
            for name, value in record.items()
            if name in by_name and (why := values.wrong(by_name[name], value))
        ]
        problems += found
        bad_rows += bool(found)
        if bad_rows == 2:
            break
    return problems


def _update(
    ddb: Path, records: list[dict[str, str]], by_name: dict[str, Control], result: Imported, wait: float
) -> None:
    def key(record: dict[str, str]) -> tuple[str, str]:
        return record["RelativePath"], record["File"]

    ids: dict[tuple[str, str], list[int]] = {}
    with connected(ddb, wait) as data:
        for number, folder, name in data.execute("SELECT Id, RelativePath, File FROM DataTable ORDER BY Id"):
            ids.setdefault((folder, name), []).append(number)
    statements: list[tuple[str, list[Any]]] = []
    without_time = together = 0
    in_order = sorted(records, key=key)
    for path, group in groupby(in_order, key):
        same = list(group)
        have = ids.get(path, [])
        # The very last row escapes the check for duplicates in the set.
        if len(same) > 1 or (len(have) > 1 and same[0] is not in_order[-1]):
            if len(have) != len(same):
                shown = "\\".join(part for part in path if part)
                result.problems.append(
                    f"duplicate entry mismatch for {shown}: {len(have)} database vs. {len(same)} CSV"
                )
            paired = [
                _statement(_raw(record, by_name), "Id = ?", [number])
                for record, number in zip(same, have, strict=False)
            ]
            result.updated += _write(ddb, paired, wait)
            continue
        cells, timed = _checked(same[0], by_name)
        together += 1
        without_time += not timed
        if cells:
            folder, name = path
            # Without a folder, the name alone must match: in whatever folder.
            where, what = ("RelativePath = ? AND File = ?", [folder, name]) if folder else ("File = ?", [name])
            statements.append(_statement(cells, where, what))
    for start in range(0, len(statements), BATCH):
        result.updated += _write(ddb, statements[start : start + BATCH], wait)
    if without_time:
        result.problems.append(f"The Date/Time was not updated for {without_time} / {together} files.")


def _checked(record: dict[str, str], by_name: dict[str, Control]) -> tuple[dict[str, str], bool]:
    """The cells that are written for an image with one record, and whether its time is among them."""
    cells: dict[str, str] = {}
    when = moment = day = None
    for name, value in record.items():
        kind = by_name[name].type if name in by_name else name
        if kind == "DateTime":
            when = values.moment(value, values.DATETIME, values.DATETIME_T)
        elif kind == "Date":
            day = values.moment(value, values.DATE_SHOWN, short=True)
        elif kind == "Time":
            moment = values.moment(value, values.TIME, short=True)
        elif kind == "DateTime_":
            custom = values.moment(value, values.DATETIME, values.DATETIME_T, values.DATETIME_SHOWN)
            assert custom is not None
            cells[name] = custom.strftime(values.DATETIME)
        elif kind not in ("File", "RelativePath", *TOLERATED):
            cells[name] = value
    if day and moment:
        when = day.replace(hour=moment.hour, minute=moment.minute, second=moment.second)
    if when:
        cells["DateTime"] = when.strftime(values.DATETIME)
    elif day:
        cells["DateTime"] = "0001-01-01 00:00:00"
    return cells, "DateTime" in cells


def _raw(record: dict[str, str], by_name: dict[str, Control]) -> dict[str, str]:
    """The cells that are written for one of several records of an image: as they are, but for DeleteFlag."""
    cells = {name: value for name, value in record.items() if name in by_name and by_name[name].type != "DeleteFlag"}
    when = values.moment(record.get("DateTime", ""), values.DATETIME, values.DATETIME_T)
    day = values.moment(record.get("Date", ""), values.DATE_SHOWN)
    clock = values.moment(record.get("Time", ""), values.TIME)
    if day and clock:
        when = day.replace(hour=clock.hour, minute=clock.minute, second=clock.second)
    if when:
        cells["DateTime"] = when.strftime(values.DATETIME)
    return cells


def _statement(cells: dict[str, str], where: str, what: list[Any]) -> tuple[str, list[Any]]:
    names = ", ".join(f"{name} = ?" for name in cells)
    return f"UPDATE DataTable SET {names} WHERE {where}", [*cells.values(), *what]


def _write(ddb: Path, statements: Sequence[tuple[str, list[Any]]], wait: float) -> int:
    with writing(ddb, wait) as data:
        return sum(data.execute(sql, what).rowcount for sql, what in statements)
