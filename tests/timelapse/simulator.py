"""Timelapse as a person in front of it has it: a set is opened, labelled cell by cell, imported into, exported, closed.

What the documentation does not say is left out: an existing set is not scanned for new images, for example.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.timelapse import csv_io, database, opening, recognition, selection
from tests.timelapse.database import Refused, columns, connected, tables, writing
from tests.timelapse.template import Control, levels, read_controls
from tests.timelapse.values import unenterable

Row = dict[str, Any]
_BACKUP_EVERY = timedelta(minutes=30)
# What the program holds in memory while a set is open.
_MEMORY = ("Log", "Row", "SortTerms", "SearchTerms", "QuickPasteTerms", "BBDisplayThreshold")


class Timelapse:
    """An open set. `open` it, `close` it; a program that is killed is simply dropped: nothing is held in between."""

    def __init__(self, found: opening.Opening, wait: float) -> None:
        self.tdb, self.ddb, self.root = found.tdb, found.ddb, found.ddb.parent
        self.created, self.rebuilt, self.dialogs = found.created, found.rebuilt, found.dialogs
        self.wait = wait
        self._edited_at = datetime.min
        with connected(self.ddb) as data:
            self.controls = read_controls(data)
            self.levels = levels(data)
            self._memory = dict(
                zip(_MEMORY, data.execute(f"SELECT {', '.join(_MEMORY)} FROM ImageSetTable").fetchone(), strict=True)
            )
            detections = "Detections" in tables(data)
        self.quickpastes = selection.quickpaste(self._memory["QuickPasteTerms"], self.controls)
        self.sort = selection.sort_keys(self._memory["SortTerms"], self.controls)
        restored = selection.restored(self._memory["SearchTerms"], self.controls, detections)
        self.custom = restored is not None
        self._search = restored or selection.everything(self.controls)
        self._select()

    @classmethod
    def open(cls, file: Path, wait: float = database.WAIT) -> Timelapse:
        """Open a set by its template or its data file, as by a double-click. Raises Refused, Chooser."""
        found = opening.find(Path(file))
        if not found.tdb.is_file():
            raise Refused(f"{found.tdb} does not exist")
        opening.check_path(found.tdb)
        opening.check_path(found.ddb)
        (found.ddb.parent / "Backups").mkdir(exist_ok=True)
        opening.check_template(found)
        opening.update_template(found.tdb)
        if found.created:
            opening.create(found)
        else:
            opening.adopt(found)
        return cls(found, wait)

    # Looking

    def records(self) -> list[Row]:
        """All records of the set, by Id."""
        with connected(self.ddb, self.wait) as data:
            names = columns(data, "DataTable")
            return [dict(zip(names, row, strict=True)) for row in data.execute("SELECT * FROM DataTable ORDER BY Id")]

    @property
    def shown(self) -> list[Row]:
        """The records of the current selection, in the current order, as they are now."""
        now = {row["Id"]: row for row in self.records()}
        return [now[number] for number in self._shown if number in now]

    def find(self, path: str) -> list[int]:
        """The Ids of the records of an image; its path with / or backslash."""
        folder, _, name = path.replace("/", "\\").rpartition("\\")
        return [row["Id"] for row in self.records() if (row["RelativePath"], row["File"]) == (folder, name)]

    def control(self, data_label: str) -> Control:
        found = [control for control in self.controls if control.data_label == data_label]
        if not found:
            raise Refused(f"there is no field {data_label}")
        return found[0]

    # Labelling

    def set(self, record: int, data_label: str, value: str) -> None:
        """Enter one value: one UPDATE of one cell in a transaction of its own."""
        control = self.control(data_label)
        if why := unenterable(control, value):
            raise Refused(f"{data_label} {why}: {value!r}")
        self._update(record, {data_label: value})

    def label(self, path: str, value: str, data_label: str = "Species") -> None:
        """Enter a value for an image that has one record."""
        (record,) = self.find(path)
        self.set(record, data_label, value)

    def quickpaste(self, number: int, record: int) -> None:
        """Ctrl+1..9 (or, from 10, Ctrl+Shift+1..9) while an image is shown."""
        if not 1 <= number <= min(18, len(self.quickpastes)):
            raise Refused(f"there is no QuickPaste entry {number}")
        for item in self.quickpastes[number - 1]["Items"]:
            if item["Use"]:
                self.set(record, item["DataLabel"], item["Value"])

    def copy_previous(self, record: int) -> None:
        """Copy the copyable values of the image before, in the order of the window."""
        shown = self.shown
        at = [row["Id"] for row in shown].index(record)
        if at == 0:
            raise Refused("there is no image before the first")
        copied = [control.data_label for control in self.controls if control.copyable and control.visible]
        for name in copied:
            self._update(record, {name: shown[at - 1][name]})

    def duplicate(self, record: int, values: bool = True) -> int:
        """Ctrl-D: a second record of the image, with its values; Ctrl-Shift-D: with the defaults."""
        self._backup()
        own = [control.data_label for control in self.controls]
        kept = own if values else ["File", "RelativePath", "DateTime"]
        with writing(self.ddb, self.wait) as data:
            row = data.execute(f"SELECT {', '.join(kept)} FROM DataTable WHERE Id = ?", (record,)).fetchone()
            added = data.execute(
                f"INSERT INTO DataTable ({', '.join(kept)}) VALUES ({', '.join('?' * len(kept))})", row
            ).lastrowid
        assert added is not None
        self._shown.insert(self._shown.index(record) + 1 if record in self._shown else len(self._shown), added)
        return added

    def delete(self, record: int) -> None:
        """Delete an image and its data; the file goes to DeletedFiles, unless another record shows it."""
        self._backup()
        (row,) = (row for row in self.records() if row["Id"] == record)
        below = Path(*row["RelativePath"].split("\\")) if row["RelativePath"] else Path()
        with writing(self.ddb, self.wait) as data:
            data.execute("DELETE FROM DataTable WHERE Id = ?", (record,))
            same = (row["RelativePath"], row["File"])
            left = data.execute("SELECT 1 FROM DataTable WHERE RelativePath = ? AND File = ?", same).fetchone()
        file = self.root / below / row["File"]
        if left is None and file.exists():
            target = self.root / "DeletedFiles" / below / row["File"]
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)

    def _update(self, record: int, cells: dict[str, str]) -> None:
        self._backup()
        names = ", ".join(f"{name} = ?" for name in cells)
        with writing(self.ddb, self.wait) as data:
            done = data.execute(f"UPDATE DataTable SET {names} WHERE Id = ?", (*cells.values(), record))
            assert done.rowcount == 1, f"there is no record {record}"
        self._memory["Row"] = str(record)

    def _backup(self, always: bool = False) -> None:
        now = datetime.now()
        if always or now - self._edited_at >= _BACKUP_EVERY:
            self._edited_at = now
            name = f"{self.ddb.stem}.{now:%Y-%m-%d.%H-%M-%S}{self.ddb.suffix}"
            shutil.copy2(self.ddb, self.root / "Backups" / name)

    # Selecting

    def select(self, **terms: str | tuple[str, str]) -> list[Row]:
        """Custom selection: ``select(Selected="true", ALRound=(">", "2"))``; without terms, all files."""
        search = selection.everything(self.controls)
        for name, wanted in terms.items():
            self.control(name)
            operator, value = wanted if isinstance(wanted, tuple) else ("=", wanted)
            for term in search["SearchTerms"]:
                if term["DataLabel"] == name and (name != "DateTime" or term["Operator"] == operator):
                    term.update(Operator=operator, DatabaseValue=value, UseForSearching=True)
        self._search, self.custom = search, bool(terms)
        return self._select()

    def select_recognised(self, **settings: Any) -> list[Row]:
        """Select by what was recognised: the properties of RecognitionSelections, and `UseRecognition`."""
        self._search = selection.everything(self.controls)
        self._search["RecognitionSelections"] |= {"UseRecognition": True, "AllDetections": False, **settings}
        self.custom = True
        return self._select()

    def _select(self) -> list[Row]:
        rows = selection.selected(self._search, self.records())
        asked = self._search["RecognitionSelections"]
        if asked.get("UseRecognition"):
            with connected(self.ddb, self.wait) as data:
                recognised = recognition.matching(data, asked)
            rows = [row for row in rows if row["Id"] in recognised]
        if not rows and self.custom:
            self.dialogs.append("no files match the selection: all are shown")
            self._search, self.custom = selection.everything(self.controls), False
            rows = self.records()
        rows = selection.ordered(rows, self.sort)
        self._shown = [row["Id"] for row in rows]
        return rows

    # Files

    def export_csv(self, file: Path | None = None, **preferences: Any) -> Path:
        """Export the current selection in the current order. See csv_io.Preferences."""
        file = file or self.root / "ImageData.csv"
        csv_io.export(file, self.shown, self.controls, self.levels, self.root.name, csv_io.Preferences(**preferences))
        return file

    def import_csv(self, file: Path | None = None) -> csv_io.Imported:
        """Import a CSV; without a name, the one that the dialog proposes."""
        file = file or self.ddb.with_suffix(".csv")
        self._backup(always=True)
        result = csv_io.import_into(self.ddb, file, self.controls, self.levels, self.wait)
        self._select()
        return result

    def import_recognition(self, file: Path | None = None) -> recognition.Recognised:
        """Import recognitions; without a name, from the file that the dialog proposes."""
        return recognition.import_into(self.ddb, file or self.root / "recognitionData.json", self.wait)

    def close(self) -> None:
        """Write what is in memory over whatever is in the file."""
        self._memory["SearchTerms"] = json.dumps(self._search, ensure_ascii=False, indent=2)
        self._memory["QuickPasteTerms"] = json.dumps(self.quickpastes, ensure_ascii=False, indent=2)
        names = ", ".join(f"{name} = ?" for name in _MEMORY)
        with writing(self.ddb, self.wait) as data:
            data.execute(f"UPDATE ImageSetTable SET {names} WHERE Id = 1", tuple(self._memory.values()))

    # Faults

    @contextmanager
    def hold_lock(self, exclusive: bool = True) -> Iterator[None]:
        """A write is under way; `exclusive`: in its last moment, when nobody can read."""
        with database.held(self.ddb, exclusive):
            yield

    def leave_journal(self) -> None:
        """The program is killed in mid-transaction, which leaves a hot journal."""
        database.crash(self.ddb, "journal", "UPDATE DataTable SET DeleteFlag = 'true'")

    def leave_wal(self, record: int, data_label: str, value: str) -> None:
        """The rare WAL mode: an edit that was committed to the -wal file alone, by a program that was then killed."""
        quoted = value.replace("'", "''")
        database.crash(self.ddb, "wal", f"UPDATE DataTable SET {data_label} = '{quoted}' WHERE Id = {record}")

    def journal_mode(self) -> str:
        """As it is noted in the file's header; asking SQLite would tidy the journal up."""
        with self.ddb.open("rb") as handle:
            return {b"\1\1": "delete", b"\2\2": "wal"}[handle.read(20)[18:]]


def snapshot(ddb: Path) -> list[tuple[Any, ...]]:
    """The DataTable as it is in the file."""
    with connected(ddb) as data:
        return data.execute("SELECT * FROM DataTable ORDER BY Id").fetchall()
