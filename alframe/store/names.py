"""Make names of files and folders that are valid on every file system, also on Windows."""

from __future__ import annotations

import re
from pathlib import Path

_PORTS = (f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³")
RESERVED_NAMES = {"con", "prn", "aux", "nul", "conin$", "conout$", *_PORTS}
UNSAFE_CHARACTERS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir"}


def ranked_file_name(rank: int, width: int, path: Path) -> str:
    """Return a unique name such as `007_IMG_0001.JPG`, which sorts by rank and is short enough for a deep folder."""
    stem, suffix = UNSAFE_CHARACTERS.sub("_", path.stem)[:60], UNSAFE_CHARACTERS.sub("_", path.suffix)[:10]
    return f"{rank:0{width}}_{stem}{suffix}".rstrip(". ")


def class_folder_name(class_name: str) -> str:
    """Return the class name as the name of a folder, with %xx in place of characters that a folder cannot have."""
    name = UNSAFE_CHARACTERS.sub(lambda match: _percent_encode_letter(match.group()), class_name)
    if name.split(".")[0].casefold().strip() in RESERVED_NAMES or name.startswith((".", " ")) or is_system_file(name):
        name = _percent_encode_letter(name[0]) + name[1:]
    if name.endswith((".", " ")):
        name = name[:-1] + _percent_encode_letter(name[-1])
    return name


def flat_file_name(path: str) -> str:
    """Return `path` as one file name, its folders joined by "_"."""
    name = UNSAFE_CHARACTERS.sub("_", path.replace("/", "_")).strip(". ")
    return f"_{name}" if not name or name.split(".")[0].casefold().strip() in RESERVED_NAMES else name


def is_system_file(name: str) -> bool:
    """Return whether a program made this file or folder, not a person: hidden files, Thumbs.db, desktop.ini."""
    return name.startswith((".", "~$")) or name.casefold() in SYSTEM_FILES


def _percent_encode_letter(letter: str) -> str:
    return f"%{ord(letter):02X}"
