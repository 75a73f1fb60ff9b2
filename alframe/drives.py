"""Recognise failures of drives and networks, as opposed to bad files."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

# Seconds to wait before a file is read again. A drive that spins up or a network that comes back needs some.
RETRY_PAUSES = (1.0, 4.0)

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
    """Return whether a drive, a network or the system failed. A bad, missing or forbidden file is another error."""
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
    """Return whether a folder exists and is not empty. A drive that was removed may leave an empty folder."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def try_again(operation: Callable[[], Result]) -> Result:
    """Run an operation. If a drive fails, repeat it after 1 second and after 4 more seconds. Raises the last error."""
    for pause in RETRY_PAUSES:
        try:
            return operation()
        except OSError as error:
            if not is_drive_failure(error):
                raise
        time.sleep(pause)
    return operation()
