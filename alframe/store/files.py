"""Files that are replaced atomically (a reader sees the old content or the new), and files in two places."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from alframe.progress import format_bytes

WINDOWS = os.name == "nt"
# Seconds to wait before a file that is held is tried again: a virus scanner, an indexer or a cloud client holds a new
# file for less than their sum.
HELD_PAUSES = (0.02, 0.05, 0.1, 0.2, *(0.5,) * 9)
MOUNT_POINT_TAG = 0xA0000003  # of Windows: stat.IO_REPARSE_TAG_MOUNT_POINT, which is there alone
_HELD = {errno.EACCES, errno.EPERM, errno.EBUSY}
TEMPORARY_CHARACTERS = 14  # further characters of a temporary name: a dot before the name, and .12345678.tmp after it
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<kind>tmp|old)")  # as they are called below


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. Write to it; if the block ends without an error, it replaces `path`.

    Write a file or a whole folder there. If the block fails, `path` does not change. Raises PermissionError if another
    program has `path` open for longer than HELD_PAUSES.
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
            replace_file(temporary, path)
        _fsync_folder(path.parent)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(PermissionError):  # the next run clears it
                remove_file(temporary)


def replace_file(source: Path, target: Path) -> None:
    """Move a file or folder to `target`, and replace a file there; wait some seconds while a program has it open.

    Windows neither replaces nor moves an open file.
    """
    _wait_while_held(lambda: source.replace(target), target.parent)


def remove_file(file: Path) -> None:
    """Remove a file if it exists. Wait a few seconds while another program has it open."""
    _wait_while_held(lambda: file.unlink(missing_ok=True), file.parent)


def _wait_while_held(operation: Callable[[], object], folder: Path) -> None:
    """Run an operation on a file in `folder`, again after each of HELD_PAUSES while the file is held."""
    for pause in HELD_PAUSES:
        try:
            operation()
            return
        except OSError as error:
            if error.errno not in _HELD or not os.access(folder, os.W_OK):
                raise
        time.sleep(pause)
    operation()


def clean_up_after_killed_writers(folder: Path) -> None:
    """Remove temporary files that killed processes have left directly in `folder`, in which no process writes now.

    If a folder was moved aside, and the process was killed before the new folder came, the old folder is put back.
    """
    with suppress(OSError):  # there is no such folder
        for path in list(folder.iterdir()):
            if match := _TEMPORARY.fullmatch(path.name):
                with suppress(OSError):  # what cannot be removed is in nobody's way
                    _remove_or_restore(path, path.with_name(match["name"]), match["kind"] == "old")


def _remove_or_restore(path: Path, target: Path, is_old: bool) -> None:
    if is_old and not target.exists():
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
    """Raise OSError if the drive of `folder` has less than `needed` free bytes. Call it before hours of writing."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if needed > (free := shutil.disk_usage(existing).free):
        raise OSError(errno.ENOSPC, f"{format_bytes(needed)} are needed and {format_bytes(free)} are free", str(folder))


def link_or_copy(source: Path, target: Path, copy: bool = False, symlinks: bool = True) -> int:
    """Make `target`, which must not exist, a hard link to `source`, or if impossible a symbolic link, or else a copy.

    Return the bytes that were copied. A copy keeps the time of the original, so that viewers sort bursts by it. Raises
    OSError if `source` cannot be read.
    """
    if not copy:
        if make_hard_link(source, target):
            return 0
        real = _real_file(source)
        if symlinks and real.is_file():
            with suppress(OSError):
                target.symlink_to(real)
                return 0
    shutil.copyfile(source, target)
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return status.st_size


def is_junction(folder: str | Path) -> bool:
    """Return whether a folder is a junction of Windows: a link that `is_symlink` does not recognise."""
    if not WINDOWS:
        return False
    try:
        return getattr(os.lstat(folder), "st_reparse_tag", 0) == MOUNT_POINT_TAG
    except OSError:
        return False


def make_hard_link(source: Path, target: Path) -> bool:
    """Make `target` a hard link to the file `source`. Return False if this is not possible, e.g. on another disk."""
    real = _real_file(source)
    # A read-only file could not be removed again under its second name.
    if WINDOWS and not os.access(real, os.W_OK):
        return False
    try:
        os.link(real, target)
    except OSError:
        return False
    return True


def _real_file(source: Path) -> Path:
    # What a hard link points at must be the file: a link to a relative link would lead nowhere.
    return Path(os.path.realpath(source)) if source.is_symlink() else source.absolute()


def _replace_folder(new: Path, folder: Path) -> None:
    # A folder cannot be replaced in one step. The old one is moved aside and removed last: the gap is an instant.
    old = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.old")
    if folder.exists():
        replace_file(folder, old)
    try:
        replace_file(new, folder)
    except BaseException:
        if old.exists():
            replace_file(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _is_link(file: Path) -> bool:
    # What is behind a link was on the disk before, may be read-only, and is not to be opened for writing.
    return file.is_symlink() or file.stat().st_nlink > 1


def _fsync_file(file: Path) -> None:
    def flush() -> None:
        with file.open("r+b") as handle:
            os.fsync(handle.fileno())

    _wait_while_held(flush, file.parent)


def _fsync_folder(folder: Path) -> None:
    if WINDOWS:  # which cannot open a folder, and does not need it
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
