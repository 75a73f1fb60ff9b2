"""Windows' sharing rules on other systems: what is open is neither replaced, moved nor removed."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

CAN_IMITATE = Path("/proc/self/fd").is_dir()  # what this process has open can be asked


class SharingRules:
    """Puts Windows' rules on os.replace, rename, unlink, remove and rmdir.

    A file that this process has open or mapped, or that is read-only, and a folder with an open file in it, give
    PermissionError. `hold(name, times)` makes another program hold the files of a name: for the first so many tries,
    or for ever.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused: list[str] = []
        self._held: Counter[str] = Counter()
        for name in ("replace", "rename", "unlink", "remove", "rmdir"):
            monkeypatch.setattr(os, name, self._guard(getattr(os, name), is_folder_only=name == "rmdir"))

    def hold(self, name: str, times: int = 10**9) -> None:
        """Have another program open each file or folder of this name, for so many tries."""
        self._held[name] = times

    def _guard(self, operation: Callable[..., Any], is_folder_only: bool) -> Callable[..., Any]:
        def guarded(*paths: Any, dir_fd: int | None = None, **options: Any) -> Any:
            base = Path() if dir_fd is None else Path(f"/proc/self/fd/{dir_fd}").readlink()
            for path in paths:
                self._require_free(base / path, is_folder_only)
            return operation(*paths, **({} if dir_fd is None else {"dir_fd": dir_fd}), **options)

        return guarded

    def _require_free(self, path: Path, is_folder_only: bool) -> None:
        if self._held[path.name] > 0:
            self._held[path.name] -= 1
            self._refuse(path)
        if is_folder_only or path.is_symlink() or not path.exists():
            return
        is_read_only = path.is_file() and not path.stat().st_mode & stat.S_IWUSR
        if is_read_only or any(file.is_relative_to(path.resolve()) for file in _open_files()):
            self._refuse(path)

    def _refuse(self, path: Path) -> None:
        self.refused.append(path.name)
        raise PermissionError(errno.EACCES, "The process cannot access the file: another process uses it", str(path))


def _open_files() -> list[Path]:
    """Return the regular files that this process has open or mapped."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.append(handle.readlink())
    lines = Path("/proc/self/maps").read_text().splitlines()
    found += {Path(line.split(maxsplit=5)[5]) for line in lines if "/" in line}
    return [file for file in found if file.is_file()]


@pytest.fixture
def sharing_rules(monkeypatch: pytest.MonkeyPatch) -> SharingRules:
    """Windows' rules for this test."""
    if not CAN_IMITATE:
        pytest.skip("this system does not say which files a process has open")
    return SharingRules(monkeypatch)


def is_windows_name(name: str) -> bool:
    """Return whether Windows takes a name for a file, by https://learn.microsoft.com/windows/win32/fileio/naming-a-file."""
    device = re.fullmatch(r"(?i:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])", name.split(".")[0].rstrip(" "))
    return bool(name) and not device and not re.search(r'[<>:"/\\|?*\x00-\x1f]|[. ]$', name)


def limit_paths(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Have paths of more characters be no files, as Windows says unless it takes long paths."""
    for name in ("open", "mkdir"):
        monkeypatch.setattr(os, name, _limited(getattr(os, name), most))


def _limited(operation: Callable[..., Any], most: int) -> Callable[..., Any]:
    def limited(path: Any, *arguments: Any, **options: Any) -> Any:
        if len(os.fspath(path)) > most:
            raise FileNotFoundError(errno.ENOENT, "The system cannot find the path specified", str(path))
        return operation(path, *arguments, **options)

    return limited
