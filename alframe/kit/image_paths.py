"""Turn the paths that users and listing files give into absolute paths and image ids."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from alframe.errors import PoolError


def absolute_path(path: str | Path) -> Path:
    """Make `path` absolute, with ~ and .. worked out; links and mapped drives stay, since people see them in ids."""
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 (resolve() would follow links)


def locate_image(path: str, root: Path, position: str) -> tuple[str, Path]:
    """Return the id and the absolute path of the image at `path`.

    The id is the path relative to `root` if the image lies below it, else the whole path. `position` says where the
    path was read (file and row). Raises PoolError, whose message begins with `position`.
    """
    slashed = path.replace("\\", "/")
    if not slashed:
        raise PoolError(f"{position}: the path is blank. Fill it in, or delete the row.")
    if "\0" in slashed or any("\ud800" <= letter <= "\udfff" for letter in slashed):
        raise PoolError(f"{position}: the path contains a character that no path can have. Is this a text file?")
    base = root.as_posix()
    # A drive letter is absolute on every system, so that one file gives the same ids everywhere.
    joined = slashed if re.match(r"[A-Za-z]:/", slashed) else posixpath.join(base, slashed)
    full = posixpath.normpath(joined)
    is_below = full.startswith(base.rstrip("/") + "/")
    image_id = full[len(base.rstrip("/")) + 1 :] if is_below else re.sub(r"^([A-Za-z]):/", r"\1/", full).lstrip("/")
    if not image_id or full == base:
        raise PoolError(f"{position}: '{path}' is a folder, not an image. Correct the path, or delete the row.")
    return image_id, Path(full)


def download_hint(source: str | None) -> str:
    """Return a sentence that says where a missing file can be downloaded, or "" without a `source`."""
    return f" It is available from {source}; put it there." if source else ""
