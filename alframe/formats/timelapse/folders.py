"""Where Timelapse's files lie, which folders are its own, and how long a path may be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from alframe.formats.timelapse.sqlite import BACKUPS
from alframe.store.names import is_litter

TEMPLATE = "TimelapseTemplate.tdb"
DATA = "TimelapseData.ddb"  # what Timelapse calls the data file of that template
DELETED = "DeletedFiles"
OWN = {BACKUPS.casefold(), DELETED.casefold(), ".vthumb", "@recycle", "csvexportedfiles", "camtrapdpexportedfiles"}
LONGEST = 259  # characters in a path, as Windows and Timelapse have it
_STAMP = ".2026-01-31.23-59-59"


def is_own(name: str) -> bool:
    """Whether a folder or file of this name is Timelapse's own or some system's, and holds no images of the set."""
    return name.casefold() in OWN or is_litter(name)


def find(folder: Path, suffix: str) -> Iterator[Path]:
    """The files of this suffix, in upper or lower case, in the folder and below, but not Timelapse's copies of them."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_own(name))
        yield from (Path(place) / name for name in sorted(names) if _is(name, suffix))


def beside(folder: Path, suffix: str) -> list[Path]:
    """The files of this suffix directly in the folder, by name. Raises OSError."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _is(file.name, suffix) and file.is_file())


def is_too_long(file: PurePath) -> bool:
    """Whether Timelapse would refuse a template or data file here, because its journal or its backup cannot be."""
    backup = file.parent / BACKUPS / f"{file.stem}{_STAMP}{file.suffix}"
    return max(len(f"{file}-journal"), len(str(backup))) > LONGEST


def _is(name: str, suffix: str) -> bool:
    return name.casefold().endswith(suffix) and not is_litter(name)
