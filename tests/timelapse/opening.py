"""What happens when a set is opened: the checks, the new .ddb with all images below, the changed template."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from PIL import Image

from tests.timelapse import values
from tests.timelapse.database import Chooser, Refused, columns, connected, tables, writing
from tests.timelapse.template import BACKWARDS, FOLDER_TABLES, TEMPLATE_TABLE, VERSION, Control, levels, read_controls

LOADED = {".jpg", ".avi", ".mp4", ".asf", ".mov"}
SKIPPED = {"Backups", "DeletedFiles", ".vthumb", "@Recycle"}
DEFAULT_SORT = (
    '[ { "DataLabel":"RelativePath", "DisplayLabel":"RelativePath", "ControlType":"RelativePath", '
    '"IsAscending":"true" }, { "DataLabel":"DateTime", "DisplayLabel":"DateTime", "ControlType":"DateTime", '
    '"IsAscending":"true" } ]'
)


@dataclass
class Opening:
    """What was found and done on the way to an open set, and what the user saw of it."""

    tdb: Path
    ddb: Path
    created: bool = False
    rebuilt: bool = False
    dialogs: list[str] = field(default_factory=list)


def hidden(path: Path) -> bool:
    status = path.stat()
    if hasattr(status, "st_file_attributes"):
        return bool(status.st_file_attributes & (stat.FILE_ATTRIBUTE_HIDDEN | stat.FILE_ATTRIBUTE_SYSTEM))
    return path.name.startswith(".")


def find(file: Path) -> Opening:
    """The template and the data file that a double-click on either of them means."""
    file = file.absolute()
    if file.suffix not in (".tdb", ".ddb"):
        raise Refused(f"{file.name}: the extension must be .tdb or .ddb, in lower case")
    beside = sorted(file.parent.iterdir())
    if len([one for one in beside if one.suffix == ".lnk"]) > 1:
        raise Refused("more than one link to a folder of images")
    if file.suffix == ".ddb":
        templates = [one for one in beside if one.suffix == ".tdb"]
        if len(templates) != 1:
            raise Chooser(f"{len(templates)} templates are beside {file.name}")
        return Opening(templates[0], file)
    data = [one for one in beside if one.suffix == ".ddb"]
    if len(data) > 1:
        raise Chooser(f"{len(data)} data files are beside {file.name}")
    stem = "TimelapseData" if file.stem == "TimelapseTemplate" else file.stem
    return Opening(file, data[0] if data else file.with_name(f"{stem}.ddb"), created=not data)


def check_path(file: Path) -> None:
    if file.parent == Path(file.anchor):
        raise Refused(f"{file} sits in the root of a drive")
    if hidden(file.parent):
        raise Refused(f"{file.parent} is hidden")
    backup = file.parent / "Backups" / f"{file.stem}.{datetime.now():%Y-%m-%d.%H-%M-%S}{file.suffix}"
    if max(len(f"{file}-journal"), len(str(backup))) > 259:
        raise Refused(f"{file}: the path is too long")


def check_template(opening: Opening) -> None:
    """The documented checks, in their order; a template that later code would stumble over is refused too."""
    try:
        with connected(opening.tdb) as connection:
            found = tables(connection)
            controls = read_controls(connection) if "TemplateTable" in found else []
            if not any(control.type == "File" for control in controls):
                raise Refused(f"{opening.tdb.name} has no row of type File: it is no template")
            if "TemplateInfo" not in found:
                raise Refused("made before version 2.3: use the upgrade tool")
            info = connection.execute("SELECT * FROM TemplateInfo").fetchone()
            if info is None or None in info:
                raise Refused("TemplateInfo has no row, or one with NULL")
            if any(control.type == "UtcOffset" for control in controls):
                raise Refused("made before version 2.3 (UtcOffset): use the upgrade tool")
            if _number(info[columns(connection, "TemplateInfo").index("VersionCompatabily")]) > _number(VERSION):
                opening.dialogs.append("made with a newer version")
            if connection.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                raise Refused(f"{opening.tdb.name} is corrupt")
    except sqlite3.DatabaseError as error:
        raise Refused(f"{opening.tdb.name}: {error}") from error
    if why := values.illegal(controls):
        raise Refused(why)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version or ""))


def update_template(tdb: Path) -> None:
    """Opening writes to the .tdb: what older versions lacked, and the version."""
    with writing(tdb) as connection:
        if "ExportToCSV" not in columns(connection, "TemplateTable"):
            connection.execute("ALTER TABLE TemplateTable ADD COLUMN ExportToCSV TEXT DEFAULT 'True'")
        for name in {"BackwardsCompatibility", "Standard"} - set(columns(connection, "TemplateInfo")):
            connection.execute(f"ALTER TABLE TemplateInfo ADD COLUMN {name} TEXT DEFAULT ''")
        for statement in FOLDER_TABLES:
            if statement.split()[2] not in tables(connection):
                connection.execute(statement)
        (said,) = connection.execute("SELECT VersionCompatabily FROM TemplateInfo").fetchone()
        if _number(said) < _number(VERSION):
            connection.execute("UPDATE TemplateInfo SET VersionCompatabily = ?", (VERSION,))


def create(opening: Opening) -> None:
    """The .ddb, with a record for every image below its folder."""
    with connected(opening.tdb) as template, writing(opening.ddb) as data:
        controls = read_controls(template)
        data.execute(TEMPLATE_TABLE)
        for statement in FOLDER_TABLES:
            data.execute(statement)
        _copy_template(template, data)
        if levels(template):
            opening.dialogs.append("folders and levels may not comply")
        data.execute(f"CREATE TABLE DataTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT, {_declared(controls)} )")
        data.execute(
            "CREATE TABLE ImageSetTable ( Id INTEGER PRIMARY KEY AUTOINCREMENT, RootFolder TEXT DEFAULT '', "
            "Log TEXT DEFAULT '', Row TEXT, VersionCompatabily TEXT, BackwardsCompatibility TEXT, "
            f"SortTerms TEXT DEFAULT '{DEFAULT_SORT}', SearchTerms TEXT DEFAULT '{{}}', QuickPasteTerms TEXT, "
            "BBDisplayThreshold REAL DEFAULT '-1', Standard TEXT DEFAULT '' )"
        )
        counters = [f"{one.data_label} TEXT DEFAULT ''" for one in controls if one.type == "Counter"]
        data.execute(f"CREATE TABLE MarkersTable ( {', '.join(['Id INTEGER PRIMARY KEY AUTOINCREMENT', *counters])} )")
        create_indexes(data)
        data.execute(
            "INSERT INTO ImageSetTable (RootFolder, Row, VersionCompatabily, BackwardsCompatibility, QuickPasteTerms) "
            "VALUES (?, '-1', ?, ?, '[]')",
            (opening.ddb.parent.name, VERSION, BACKWARDS),
        )
        data.executemany("INSERT INTO DataTable (File, RelativePath, DateTime) VALUES (?, ?, ?)", found(opening.ddb))


def _declared(controls: list[Control]) -> str:
    def one(control: Control) -> str:
        kind = "DATETIME" if control.type == "DateTime" else "TEXT"
        default = "" if control.type in values.NUMBERS else control.default.replace("'", "''")
        return f"{control.data_label} {kind} DEFAULT '{default}'"

    return ", ".join(map(one, controls))


def create_indexes(data: sqlite3.Connection) -> None:
    for name, on in {
        "IndexRelativePath": "RelativePath",
        "IndexFile": "File",
        "IndexRelativePathFile": "RelativePath,File",
        "IndexRelativePathDateTimeFile": "RelativePath, DateTime, File",
    }.items():
        data.execute(f"CREATE INDEX IF NOT EXISTS {name} ON DataTable ( {on} )")


def _copy_template(template: sqlite3.Connection, data: sqlite3.Connection) -> None:
    for table in ("TemplateTable", "FolderDataTemplateTable", "FolderDataInfo"):
        shared = [name for name in columns(template, table) if name in columns(data, table)]
        data.execute(f"DELETE FROM {table}")
        rows = template.execute(f"SELECT {', '.join(shared)} FROM {table}").fetchall()
        data.executemany(f"INSERT INTO {table} ({', '.join(shared)}) VALUES ({', '.join('?' * len(shared))})", rows)


def found(ddb: Path) -> Iterator[tuple[str, str, str]]:
    """File, RelativePath and DateTime of every image below, in the order of their paths."""
    for folder, below, files in os.walk(ddb.parent):
        below[:] = sorted(name for name in below if name not in SKIPPED and not hidden(Path(folder, name)))
        relative = "\\".join(Path(folder).relative_to(ddb.parent).parts)
        for name in sorted(files):
            if Path(name).suffix.lower() in LOADED:
                yield name, relative, taken(Path(folder, name)).strftime(values.DATETIME)


def taken(file: Path) -> datetime:
    """EXIF DateTimeOriginal, else the earlier of the file's creation and modification."""
    try:
        with Image.open(file) as image:
            said = image.getexif().get_ifd(0x8769).get(0x9003)
        return datetime.strptime(str(said).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except (OSError, ValueError):
        status = file.stat()
        return datetime.fromtimestamp(int(min(status.st_ctime, status.st_mtime)))


def adopt(opening: Opening) -> None:
    """Open a .ddb that is there: versions, the changed template, the rebuilt table, too large Ids."""
    try:
        with connected(opening.ddb) as data:
            if data.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
                raise Refused(f"{opening.ddb.name} is corrupt")
            _check_data(data, opening.ddb)
            largest = data.execute("SELECT coalesce(max(Id), 0) FROM DataTable").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise Refused(f"{opening.ddb.name}: {error}") from error
    if largest > 2_147_483_647:
        _renumber(opening.ddb)
    with connected(opening.tdb) as template, writing(opening.ddb) as data:
        controls = read_controls(template)
        _change_columns(opening, data, controls)
        _copy_template(template, data)
        data.execute("UPDATE ImageSetTable SET RootFolder = ?", (opening.ddb.parent.name,))
        (said,) = data.execute("SELECT VersionCompatabily FROM ImageSetTable").fetchone()
        if _number(said) < _number(VERSION):
            data.execute("UPDATE ImageSetTable SET VersionCompatabily = ?", (VERSION,))
        if "Detections" in tables(data) and not data.execute("SELECT 1 FROM Detections LIMIT 1").fetchone():
            for table in ("DetectionsVideo", "Classifications", "Detections", "DetectionCategories"):
                data.execute(f"DROP TABLE IF EXISTS {table}")
            for table in ("ClassificationCategories", "Info"):
                data.execute(f"DROP TABLE IF EXISTS {table}")
    if any(control.type in values.NUMBERS and control.default for control in controls):
        rebuild(opening.ddb, controls)
        opening.rebuilt = True


def _check_data(data: sqlite3.Connection, ddb: Path) -> None:
    needed = {"TemplateTable", "DataTable", "ImageSetTable", "MarkersTable"}
    if missing := needed - tables(data):
        raise Refused(f"{ddb.name} lacks {missing}")
    if "UtcOffset" in columns(data, "DataTable") or "VersionCompatabily" not in columns(data, "ImageSetTable"):
        raise Refused("made before version 2.3: use the upgrade tool")
    rows = data.execute("SELECT Id, BackwardsCompatibility FROM ImageSetTable").fetchall()
    if [row[0] for row in rows] != [1]:
        raise Refused(f"ImageSetTable must have exactly one row, Id 1, not {rows}")
    if _number(rows[0][1]) > _number(VERSION):
        raise Refused(f"needs Timelapse {rows[0][1]}")


def _change_columns(opening: Opening, data: sqlite3.Connection, controls: list[Control]) -> None:
    """The template-changed wizard, whose proposals the user accepts."""
    had = {control.data_label: control for control in read_controls(data)}
    present = columns(data, "DataTable")
    for control in controls:
        if control.data_label in had and had[control.data_label].type != control.type:
            raise Refused(f"the type of {control.data_label} was changed in the template")
        if control.data_label not in present:
            opening.dialogs.append(f"template changed: {control.data_label} is new")
            data.execute(f"ALTER TABLE DataTable ADD COLUMN {_declared([control])}")
    for gone in [name for name in present[1:] if name not in {control.data_label for control in controls}]:
        opening.dialogs.append(f"template changed: {gone} is gone")
        data.execute(f"ALTER TABLE DataTable DROP COLUMN {gone}")


def rebuild(ddb: Path, controls: list[Control]) -> None:
    names = ", ".join(["Id", *(control.data_label for control in controls)])
    with connected(ddb) as data:
        data.execute("PRAGMA foreign_keys = OFF")  # or dropping the table would empty Detections
        data.execute("BEGIN IMMEDIATE")
        data.execute(f"CREATE TABLE Rebuilt ( Id INTEGER PRIMARY KEY AUTOINCREMENT, {_declared(controls)} )")
        data.execute(f"INSERT INTO Rebuilt ({names}) SELECT {names} FROM DataTable")
        data.execute("DROP TABLE DataTable")
        data.execute("ALTER TABLE Rebuilt RENAME TO DataTable")
        create_indexes(data)
        data.execute("COMMIT")


def _renumber(ddb: Path) -> None:
    """Leaves the file in WAL mode, as Timelapse does."""
    with connected(ddb) as data:
        data.execute("PRAGMA journal_mode = WAL")
        data.execute("BEGIN IMMEDIATE")
        for new, (old,) in enumerate(data.execute("SELECT Id FROM DataTable ORDER BY Id").fetchall(), start=1):
            data.execute("UPDATE DataTable SET Id = ? WHERE Id = ?", (new, old))
        data.execute("COMMIT")
        data.execute("VACUUM")
