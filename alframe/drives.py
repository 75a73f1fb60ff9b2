"""Failures of drives and networks, which say nothing about the file that was asked for."""

from __future__ import annotations

import errno
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from alframe.errors import PoolError

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds to wait before a file is read again. A drive that spins up or a network that comes back needs some.
RETRY_PAUSES = (1.0, 4.0)
# A file alone may lie on a bad sector; with more, or many side by side, it is the drive.
TOLERATED_SHARE, TOLERATED_IN_A_ROW = 0.01, 20

_ERRNO_NAMES = {
    *("EIO", "ENXIO", "ENODEV", "ENOMEDIUM", "EREMOTEIO", "ESTALE", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH"),
    *("ENETDOWN", "ENETUNREACH", "ENETRESET", "ENOTCONN", "ECONNRESET", "ECONNABORTED", "ECONNREFUSED", "ESHUTDOWN"),
    *("ENOLINK", "ECOMM", "EPROTO", "EMFILE", "ENFILE"),
}
_ERRNOS = {number for number, name in errno.errorcode.items() if name in _ERRNO_NAMES}
# Of Windows (winerror.h): not ready, CRC, sector not found, general failure, network paths and names, a time-out of the
# drive, a device that does not function or is not there; 358 to 404 are the cloud clients'.
_WINERRORS = {
    *(21, 23, 27, 31, 51, 53, 54, 55, 59, 64, 65, 67, 121, 433, 483, 1006, 1110, 1112, 1117, 1167, 1225, 1231, 1232),
    *(1236, *range(358, 405)),
}
_INVALID_CHARACTERS = re.compile(r'[<>:"|?*\x00-\x1f]')


def is_drive_failure(error: BaseException) -> bool:
    """Return whether a drive, a network or the system failed, rather than that one file is bad, missing or refused."""
    if not isinstance(error, OSError):
        return False
    winerror = getattr(error, "winerror", None)  # on Windows alone
    if winerror is not None:
        return winerror in _WINERRORS or error.errno in _ERRNOS
    if error.errno == errno.EINVAL:  # also what a name gives that the file system cannot have
        name = re.split(r"[/\\]", str(error.filename or ""))[-1]
        return not _INVALID_CHARACTERS.search(name)
    return error.errno in _ERRNOS


def has_files(folder: Path) -> bool:
    """Return whether a folder is there and has anything in it; a drive that is taken off may leave an empty one."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def try_again(operation: Callable[[], Result]) -> Result:
    """Run an operation, again after each of RETRY_PAUSES where a drive fails. Raises as the last of them."""
    for pause in RETRY_PAUSES:
        try:
            return operation()
        except OSError as error:
            if not is_drive_failure(error):
                raise
        time.sleep(pause)
    return operation()


@dataclass
class DriveFailures:
    """Counts which of `total` files a failing drive does not give.

    A few are warned about and tried again by the next run. PoolError is raised beyond one, or beyond TOLERATED_SHARE of
    them, and where TOLERATED_IN_A_ROW fail in a row: what is left is another pool than the one people mean.
    """

    total: int
    failed: dict[Path, str] = field(default_factory=dict)
    _in_a_row: int = 0

    def note(self, path: Path, failure: str | None) -> None:
        """Note how reading a file ended: `failure` says why the drive did not give it; None where it did not fail."""
        if failure is None:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        self.failed.setdefault(path, failure)
        share = max(1, int(TOLERATED_SHARE * self.total))
        if len(self.failed) > share or self._in_a_row >= TOLERATED_IN_A_ROW:
            raise PoolError(
                f"{len(self.failed):,} of {self.total:,} images cannot be read because the drive or the network "
                f"failed, also after {sum(RETRY_PAUSES):g} seconds; the first: {self._first()}. Connect it again and "
                "run the same command: what is done so far is kept, and nothing is held against these images. If they "
                "alone cannot be read, copy them again from their source, or move them out of the pool."
            )

    def warn(self) -> None:
        """Log how many files were not given."""
        if self.failed:
            log.warning(
                "%d of %s images cannot be read because the drive or the network failed; they are left out of this "
                "run, and the next one tries them again. The first: %s",
                *(len(self.failed), f"{self.total:,}", self._first()),
            )

    def _first(self) -> str:
        path, failure = next(iter(self.failed.items()))
        return f"{path} ({failure})"
