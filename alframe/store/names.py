"""File and folder names that every file system takes, Windows included."""

from __future__ import annotations

import re
from pathlib import Path

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir"}


def file_name(rank: int, width: int, path: Path) -> str:
    """`007_IMG_0001.JPG`: sorts by rank, is unique by it, and is short enough for a deep folder."""
    stem, suffix = UNSAFE.sub("_", path.stem)[:60], UNSAFE.sub("_", path.suffix)[:10]
    return f"{rank:0{width}}_{stem}{suffix}".rstrip(". ")


def folder_name(class_name: str) -> str:
    """The class name itself wherever it can be a folder, else with %xx in place of what cannot."""
    name = UNSAFE.sub(lambda found: _percent(found.group()), class_name)
    if name.split(".")[0].casefold().strip() in RESERVED or name.startswith((".", " ")) or is_litter(name):
        name = _percent(name[0]) + name[1:]
    if name.endswith((".", " ")):
        name = name[:-1] + _percent(name[-1])
    return name


def is_litter(name: str) -> bool:
    """Whether a system or a program left this file or folder, and no person: hidden, Thumbs.db, desktop.ini."""
    return name.startswith((".", "~$")) or name.casefold() in LITTER


def _percent(letter: str) -> str:
    return f"%{ord(letter):02X}"
