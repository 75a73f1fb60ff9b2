"""Whether a file exists, and its identity. A drive that fails raises an error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from alframe import drives
from alframe.errors import PoolError


class FileStatus(NamedTuple):
    """A file's size in bytes, its modification time (ns), and its numbers of drive and file (None: not known)."""

    size: int
    mtime: int
    device_inode: tuple[int, int] | None

    @property
    def stamp(self) -> tuple[int, int]:
        """The size and modification time in the form of the file cache."""
        return self.size, self.mtime


FORBIDDEN = FileStatus(0, 0, None)


def read_status(path: Path) -> FileStatus | None:
    """Return the status of a file; None if it is gone, FORBIDDEN if access is denied.

    Raises PoolError if the drive or the network fails several times within some seconds.
    """
    if os.name == "nt" and not os.path.exists(path.anchor):  # noqa: PTH110 - a drive or a share that is no longer there
        return None
    try:
        status = drives.try_again(lambda: os.stat(path))  # noqa: PTH116 - many of them
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not drives.is_drive_failure(error):
            return FORBIDDEN
        raise PoolError(
            f"alframe cannot tell which images were moved, because the drive or the network of '{path}' failed "
            f"({error.strerror or error}). Connect the drive again, or unmount it if its images lie elsewhere now, and "
            "run the same command again. Nothing was changed."
        ) from error
    # Some file systems number no files.
    return FileStatus(status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino) if status.st_ino else None)
