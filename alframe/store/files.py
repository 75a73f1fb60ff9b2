"""Files that are replaced atomically (a reader sees the old content or the new), and files in two places."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from alframe.progress import format_bytes

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<kind>tmp|old)")  # as they are called below


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to; when the block ends well, it becomes `path`.

    It may become a file or a whole folder. When the block fails, `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        if temporary.is_dir():
            for file in temporary.rglob("*"):
                if file.is_file() and not _is_link(file):
                    _fsync_file(file)
            _replace_folder(temporary, path)
        else:
            _fsync_file(temporary)
            temporary.replace(path)
        _fsync_folder(path.parent)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def clear_temporary_files(folder: Path) -> None:
    """Remove what killed processes have left of `replace_atomically` directly in `folder`, where nobody writes now.

    A folder that was moved aside, and whose successor never came, is put back.
    """
    with suppress(OSError):  # what cannot be removed is in nobody's way
        for path in list(folder.iterdir()):
            if not (match := _TEMPORARY.fullmatch(path.name)):
                continue
            target = path.with_name(match["name"])
            if match["kind"] == "old" and not target.exists():
                path.replace(target)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Replace the file `path` by `data` as readable JSON."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replace the file `path` by this text in UTF-8."""
    with replace_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def require_free_space(folder: Path, needed: int) -> None:
    """Raise OSError, before hours of writing, if less than `needed` bytes are free where `folder` is or will be."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if needed > (free := shutil.disk_usage(existing).free):
        raise OSError(errno.ENOSPC, f"{format_bytes(needed)} are needed and {format_bytes(free)} are free", str(folder))


def link_or_copy(source: Path, target: Path, copy: bool = False, symlinks: bool = True) -> int:
    """Make `target`, which must not exist, a hard link to `source`; where that cannot be, a symbolic link; else a copy.

    Return the bytes that were copied. A copy keeps the time of the original, so that viewers sort bursts by it. Raises
    OSError if `source` cannot be read.
    """
    if not copy:
        # What a hard link points at must be the file: a link to a relative link would lead nowhere.
        real = Path(os.path.realpath(source)) if source.is_symlink() else source.absolute()
        # A read-only file on Windows could not be removed again under its second name.
        if os.name != "nt" or os.access(real, os.W_OK):
            with suppress(OSError):
                os.link(real, target)
                return 0
        if symlinks and real.is_file():
            with suppress(OSError):
                target.symlink_to(real)
                return 0
    shutil.copyfile(source, target)
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return status.st_size


def _replace_folder(new: Path, folder: Path) -> None:
    # A folder cannot be replaced in one step. The old one is moved aside and removed last: the gap is an instant.
    old = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.old")
    if folder.exists():
        folder.replace(old)
    try:
        new.replace(folder)
    except BaseException:
        if old.exists():
            old.replace(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _is_link(file: Path) -> bool:
    # What is behind a link was on the disk before, may be read-only, and is not to be opened for writing.
    return file.is_symlink() or file.stat().st_nlink > 1


def _fsync_file(file: Path) -> None:
    with file.open("r+b") as handle:
        os.fsync(handle.fileno())


def _fsync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and does not need it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
