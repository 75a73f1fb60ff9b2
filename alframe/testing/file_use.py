"""What a part does with files: which of them it opens, and which it empties before it writes them anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# events of https://docs.python.org/library/audit_events
_OPENING_EVENTS = ("open", "os.listdir", "os.scandir", "sqlite3.connect")


@dataclass
class FileUse:
    """The files and folders below `folder` that were `opened` or listed, and the files that were `emptied` or deleted.

    Only what Python itself does is seen, and not what a library written in another language does.
    """

    folder: Path
    opened: list[Path] = field(default_factory=list)
    emptied: list[Path] = field(default_factory=list)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an audit event of Python, if it is about a file below the folder."""
        path = _path_of(arguments[0]) if arguments else None
        if path is None or not path.is_relative_to(self.folder):
            return
        if event in _OPENING_EVENTS:
            self.opened.append(path)
        deletes = event == "os.remove" and arguments[1] == -1 and not path.is_symlink()  # not relative to a descriptor
        truncates = event == "os.truncate" or (event == "open" and arguments[2] and arguments[2] & os.O_TRUNC)
        with suppress(OSError):
            if (deletes or truncates) and path.stat().st_size:
                self.emptied.append(path)

    @property
    def rewritten(self) -> list[str]:
        """The names of the files that were emptied or deleted, and exist again."""
        return sorted({path.name for path in self.emptied if path.is_file()})


_active_records: list[FileUse] = []


@contextmanager
def watching_files(folder: Path) -> Iterator[FileUse]:
    """Yield a record of what the block does with files below `folder`."""
    _install_hook()
    use = FileUse(folder.absolute())
    _active_records.append(use)
    try:
        yield use
    finally:
        _active_records.remove(use)


@cache
def _install_hook() -> None:
    """Have Python tell of each file that it opens; this cannot be undone, so the hook is there only once."""
    sys.addaudithook(_note_for_all)


def _note_for_all(event: str, arguments: tuple[Any, ...]) -> None:
    for use in _active_records:
        use.note(event, arguments)


def _path_of(value: object) -> Path | None:
    if isinstance(value, str | bytes | os.PathLike):
        with suppress(ValueError):
            return Path(os.path.abspath(os.fsdecode(value)))  # noqa: PTH100 (it also works out "..")
    return None
