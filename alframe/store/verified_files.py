"""Remember the files whose checksum was right, so that only changed files are read again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

VERIFIED_FILE = ".verified"


class VerifiedFiles:
    """The files whose checksum was right, with their sizes and times at that moment.

    Each line of the file `.verified` has a name and a state. The last line of a name counts. If this file is lost, all
    files are read once more.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / VERIFIED_FILE
        self._states: dict[str, str] = {}
        with suppress(OSError, UnicodeError):
            lines = self._file.read_text(encoding="utf-8").splitlines()
            self._states = {name: state for name, _, state in (line.partition(" ") for line in lines)}

    def are_unchanged(self, *files: Path) -> bool:
        """Return whether these files have not changed since they were noted. Raises OSError."""
        return all(self._states.get(file.name) == _size_and_times(file) for file in files)

    def note_verified(self, *files: Path) -> None:
        """Note that the present content of these files is right. Raises OSError if one of them does not exist."""
        states = {file.name: _size_and_times(file) for file in files}
        self._states |= states
        with suppress(OSError), self._file.open("a", encoding="utf-8") as handle:  # else they are checked each time
            handle.write("".join(f"{name} {state}\n" for name, state in states.items()))


def _size_and_times(file: Path) -> str:
    status = os.stat(file)  # noqa: PTH116 - thousands of them
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
