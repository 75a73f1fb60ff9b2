"""The same image in another place, without taking room twice where the file system can."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path


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
