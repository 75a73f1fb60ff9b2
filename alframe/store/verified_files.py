"""Which files of a folder were found to hold what was written: they are read again only when they have changed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

VERIFIED_FILE = ".verified"


class VerifiedFiles:
    """The files whose checksum was right, with the size and the times that they had then.

    A line of the file `.verified` holds a name and a state; the last line of a name counts. Losing the file costs
    reading all files once more.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / VERIFIED_FILE
        self._states: dict[str, str] = {}
        with suppress(OSError, UnicodeError):
            lines = self._file.read_text(encoding="utf-8").splitlines()
            self._states = {name: state for name, _, state in (line.partition(" ") for line in lines)}

    def are_unchanged(self, *files: Path) -> bool:
        """Return whether these files are as they were when they were noted. Raises OSError."""
        return all(self._states.get(file.name) == _size_and_times(file) for file in files)

    def note_verified(self, *files: Path) -> None:
        """Note that these files are right as they are now. Raises OSError if one of them is gone."""
        states = {file.name: _size_and_times(file) for file in files}
        self._states |= states
        with suppress(OSError), self._file.open("a", encoding="utf-8") as handle:  # else they are checked each time
            handle.write("".join(f"{name} {state}\n" for name, state in states.items()))


def _size_and_times(file: Path) -> str:
    status = os.stat(file)  # noqa: PTH116 - thousands of them
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
