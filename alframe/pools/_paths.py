"""Paths as the user gave them, made absolute, and the ids that come of them."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from alframe.errors import PoolError


def absolute(path: Path) -> Path:
    """`path` with ~ and .. worked out; links and mapped drives stay as they are, since ids and messages show them."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 (resolve() would follow them)


def locate(text: str, root: Path, where: str) -> tuple[str, Path]:
    """The id and the place of an image; the id is relative to `root` where it lies below that, else the whole path.

    Raises PoolError that begins with `where`.
    """
    plain = text.replace("\\", "/")
    if not plain:
        raise PoolError(f"{where}: the path is blank. Fill it in, or delete the row.")
    if "\0" in plain or any("\ud800" <= letter <= "\udfff" for letter in plain):
        raise PoolError(f"{where}: the path contains a character that no path has. Is this a text file?")
    base = root.as_posix()
    # A drive letter is absolute on every system, so that one file gives the same ids everywhere.
    path = plain if re.match(r"[A-Za-z]:/", plain) else posixpath.join(base, plain)
    full = posixpath.normpath(path)
    below = full.startswith(base.rstrip("/") + "/")
    identity = full[len(base.rstrip("/")) + 1 :] if below else re.sub(r"^([A-Za-z]):/", r"\1/", full).lstrip("/")
    if not identity or full == base:
        raise PoolError(f"{where}: '{text}' is a folder, not an image. Correct the path, or delete the row.")
    return identity, Path(full)


def exists(path: Path) -> bool:
    """Whether the file is there; a name that this system cannot have is not."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, say
        return False


def available(from_: str | None) -> str:
    """A sentence to follow the news that a file of a known set is missing, or nothing."""
    return f" It is available from {from_}; put it there." if from_ else ""
