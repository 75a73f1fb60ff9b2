"""Find files of Timelapse, recognise its own folders, and check the lengths of paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from alframe.formats.timelapse.sqlite import BACKUPS_FOLDER
from alframe.store.files import is_junction
from alframe.store.names import is_system_file

TEMPLATE_NAME = "TimelapseTemplate.tdb"
DATA_NAME = "TimelapseData.ddb"  # what Timelapse calls the data file of that template
DELETED_FOLDER = "DeletedFiles"
_EXPORT_FOLDERS = {"csvexportedfiles", "camtrapdpexportedfiles"}
TIMELAPSE_FOLDERS = {BACKUPS_FOLDER.casefold(), DELETED_FOLDER.casefold(), ".vthumb", "@recycle", *_EXPORT_FOLDERS}
MAX_PATH_LENGTH = 259  # characters, for Windows and Timelapse
_BACKUP_STAMP = ".2026-01-31.23-59-59"


def is_timelapse_or_system_name(name: str) -> bool:
    """Return whether a name belongs to a folder or file of Timelapse or the system, without images of the set."""
    return name.casefold() in TIMELAPSE_FOLDERS or is_system_file(name)


def find_files_below(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield the files of this suffix, in upper or lower case, in the folder and below, without Timelapse's backups."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not (is_timelapse_or_system_name(name) or is_junction(Path(parent, name)))
        )
        yield from (Path(parent) / name for name in sorted(names) if _has_suffix(name, suffix))


def files_directly_in(folder: Path, suffix: str) -> list[Path]:
    """Return the files of this suffix directly in the folder, sorted; raises OSError."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _has_suffix(file.name, suffix) and file.is_file())


def is_path_too_long(file: PurePath) -> bool:
    """Return whether the path of a template or data file is too long for its journal or its backup."""
    backup = file.parent / BACKUPS_FOLDER / f"{file.stem}{_BACKUP_STAMP}{file.suffix}"
    return max(len(f"{file}-journal"), len(str(backup))) > MAX_PATH_LENGTH


def _has_suffix(name: str, suffix: str) -> bool:
    return name.casefold().endswith(suffix) and not is_system_file(name)
