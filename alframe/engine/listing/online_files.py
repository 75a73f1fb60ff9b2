"""Images that are only on the servers of a cloud service. Reading such an image downloads it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from alframe.progress import format_bytes, track

log = logging.getLogger(__name__)

HAS_PLACEHOLDERS = sys.platform in ("win32", "darwin")
# FILE_ATTRIBUTE_OFFLINE, _RECALL_ON_OPEN and _RECALL_ON_DATA_ACCESS of Windows, and SF_DATALESS of macOS.
_RECALLED, _DATALESS = 0x1000 | 0x40000 | 0x400000, 0x40000000


def warn_of_online_files(paths: Iterable[Path]) -> None:
    """Log the number and size of files that are not on this computer. No file is read or downloaded."""
    if not HAS_PLACEHOLDERS:
        return
    sizes = []
    files = dict.fromkeys(paths)
    for path in track(files, "Looking for files in the cloud", total=len(files), unit="img"):
        try:
            status = path.stat()
        except (OSError, ValueError):  # whoever reads it says why not
            continue
        if is_online_only(status):
            sizes.append(status.st_size)
    if sizes:
        log.warning(
            "%d of %d images (%s) are not on this computer but in the cloud (OneDrive, iCloud Drive, Dropbox ...). "
            "Each is downloaded when alframe reads it. To download them first, set the folder to be always kept on "
            "this computer.",
            *(len(sizes), len(files), format_bytes(sum(sizes))),
        )


def is_online_only(status: os.stat_result) -> bool:
    """Return whether the content of a file with this status must be downloaded before it can be read."""
    return bool(getattr(status, "st_file_attributes", 0) & _RECALLED or getattr(status, "st_flags", 0) & _DATALESS)
