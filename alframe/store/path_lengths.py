"""Check whether the longest paths below a folder can be written, before hours of work."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from alframe.errors import StoreError
from alframe.store.files import TEMPORARY_CHARACTERS

# Of a temporary file below `features/<fingerprint>/pools`, with the slash before them.
CACHE_CHARACTERS = 98
# Of a temporary file of a round, in the folder of a person who labels.
PROJECT_CHARACTERS = 60
_WINDOWS_NAME_TOO_LONG = 206
_TOO_LONG = {errno.ENAMETOOLONG, errno.ENOENT, errno.EINVAL}  # Windows says that there is no such file


def require_path_length(folder: Path, characters: int, setting: str) -> None:
    """Raise StoreError if a path that is this number of characters longer than `folder` cannot be written.

    The function tries to write such a path: Windows allows 259 characters by default, and some file systems allow only
    shorter names. `setting` is the setting by which the user can choose another folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fill = "x" * (characters - 1 - TEMPORARY_CHARACTERS)
    probe = folder / f".{fill}.{uuid4().hex[:8]}.tmp"
    try:
        probe.touch()
    except OSError as error:
        if error.errno in _TOO_LONG or getattr(error, "winerror", None) == _WINDOWS_NAME_TOO_LONG:
            raise StoreError(
                f"The path {folder} is too long: it has {len(str(folder))} characters, files below it need "
                f"{characters} more, and this system does not take {len(str(probe))} ({error.strerror}). Choose a "
                f"shorter one, such as {setting}=C:\\al, or let Windows take long paths (its setting LongPathsEnabled)."
            ) from error
    else:
        with suppress(OSError):
            probe.unlink()
