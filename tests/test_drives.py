"""What a drive or a network that fails gives is told apart from files that are bad, missing or refused."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from alframe import drives
from alframe.drives import has_files, is_drive_failure, try_again


class WindowsError(OSError):
    """As Windows raises it: with its own number."""

    def __init__(self, number: int, winerror: int) -> None:
        super().__init__(number, "text", "D:/a.jpg")
        self.winerror = winerror


@pytest.mark.parametrize(
    "error",
    [
        *(OSError(number, "text", "a.jpg") for number in (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN)),
        *(OSError(number, "text", "a.jpg") for number in (errno.ENODEV, 121, errno.EINVAL, errno.EMFILE)),
        OSError(errno.EINVAL, "text"),
        *(WindowsError(errno.EINVAL, number) for number in (21, 64, 121, 1117, 1167, 362)),
        WindowsError(errno.ENOENT, 53),
    ],
)
def test_failures(error: OSError) -> None:
    assert is_drive_failure(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "text", "a.jpg"),
        PermissionError(errno.EACCES, "text", "a.jpg"),
        OSError(errno.EINVAL, "text", "D:/a?.jpg"),  # a name that the file system cannot have
        WindowsError(errno.EINVAL, 123),
        WindowsError(errno.EACCES, 32),
        OSError("image file is truncated"),  # Pillow's
        ValueError("x"),
    ],
)
def test_no_failures(error: Exception) -> None:
    assert not is_drive_failure(error)


def test_an_operation_is_tried_again_while_the_drive_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drives, "RETRY_PAUSES", (0.0, 0.0))
    errors = [OSError(errno.EIO, "text"), OSError(errno.EIO, "text")]

    def read() -> str:
        if errors:
            raise errors.pop()
        return "content"

    assert try_again(read) == "content"
    errors = [OSError(errno.EIO, "text") for _ in range(3)]
    with pytest.raises(OSError, match="text"):
        try_again(read)
    errors = [FileNotFoundError(errno.ENOENT, "text"), OSError(errno.EIO, "text")]
    with pytest.raises(FileNotFoundError):
        try_again(read)


def test_has_files(tmp_path: Path) -> None:
    assert not has_files(tmp_path)
    assert not has_files(tmp_path / "none")
    (tmp_path / "a").touch()
    assert has_files(tmp_path)
