"""Turn the paths that users and listing files give into absolute paths and image ids."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

from alframe.errors import PoolError
from alframe.formats.path_text import anchor_of, is_drive_relative, without_long_prefix


def absolute_path(path: str | Path) -> Path:
    """Make `path` absolute, without ~ and "..". Symbolic links stay in the path, because people see the path in ids."""
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 (resolve() would follow links)


def locate_image(path: str, root: Path, position: str) -> tuple[str, Path]:
    """Return the id and the absolute path of the image at `path`.

    The id is the path relative to `root` if the image is below this folder, otherwise the whole path. `position` is the
    file and row of the path. Raises PoolError with a message that begins with `position`.
    """
    slashed = without_long_prefix(path)
    if not slashed:
        raise PoolError(f"{position}: the path is blank. Fill it in, or delete the row.")
    if "\0" in slashed or any("\ud800" <= letter <= "\udfff" for letter in slashed):
        raise PoolError(f"{position}: the path contains a character that no path can have. Is this a text file?")
    base = without_long_prefix(root.as_posix())
    if is_drive_relative(slashed) and not Path(f"{base}/{slashed}").exists():
        raise PoolError(
            f"{position}: '{path}' has no backslash after the drive, so its folder is not known. Write the whole "
            "path, as D:\\folder\\a.jpg, or one relative to pool.root."
        )
    # A drive letter is absolute on every system, so that one file gives the same ids everywhere.
    joined = slashed if re.match(r"[A-Za-z]:/", slashed) else posixpath.join(base, slashed)
    full = posixpath.normpath(joined)
    start = base.rstrip("/") + "/"
    above = full[: len(start)]
    # On drives and servers of Windows upper and lower case are the same.
    is_below = above == start or (anchor_of(start) not in ("", "/") and above.lower() == start.lower())
    image_id = full[len(start) :] if is_below else re.sub(r"^([A-Za-z]):/", r"\1/", full).lstrip("/")
    if not image_id or f"{full}/" == start:
        raise PoolError(f"{position}: '{path}' is a folder, not an image. Correct the path, or delete the row.")
    return image_id, root / image_id if is_below else Path(full)


def where_to_download(source: str | None) -> str:
    """Return a sentence that says where a missing file can be downloaded, or "" without a `source`."""
    return f" It is available from {source}; put it there." if source else ""
