"""Where Timelapse's files lie, which folders are its own, and how long a path may be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from alframe.formats.timelapse.sqlite import BACKUPS_FOLDER
from alframe.store.names import is_system_file

TEMPLATE_NAME = "TimelapseTemplate.tdb"
DATA_NAME = "TimelapseData.ddb"  # what Timelapse calls the data file of that template
DELETED_FOLDER = "DeletedFiles"
TIMELAPSE_FOLDERS = {
    BACKUPS_FOLDER.casefold(),
    DELETED_FOLDER.casefold(),
    ".vthumb",
    "@recycle",
    "csvexportedfiles",
    "camtrapdpexportedfiles",
}
MAX_PATH_LENGTH = 259  # characters in a path, as Windows and Timelapse have it
_BACKUP_STAMP = ".2026-01-31.23-59-59"


def is_timelapse_or_system(name: str) -> bool:
    """Whether a folder or file of this name is Timelapse's own or some system's, and holds no images of the set."""
    return name.casefold() in TIMELAPSE_FOLDERS or is_system_file(name)


def find_files(folder: Path, suffix: str) -> Iterator[Path]:
    """The files of this suffix, in upper or lower case, in the folder and below, but not Timelapse's copies of them."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_timelapse_or_system(name))
        yield from (Path(place) / name for name in sorted(names) if _has_suffix(name, suffix))


def files_in(folder: Path, suffix: str) -> list[Path]:
    """The files of this suffix directly in the folder, by name. Raises OSError."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _has_suffix(file.name, suffix) and file.is_file())


def is_path_too_long(file: PurePath) -> bool:
    """Whether Timelapse would refuse a template or data file here, because its journal or its backup cannot be."""
    backup = file.parent / BACKUPS_FOLDER / f"{file.stem}{_BACKUP_STAMP}{file.suffix}"
    return max(len(f"{file}-journal"), len(str(backup))) > MAX_PATH_LENGTH


def _has_suffix(name: str, suffix: str) -> bool:
    return name.casefold().endswith(suffix) and not is_system_file(name)
