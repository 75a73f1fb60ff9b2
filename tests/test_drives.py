"""What a drive or a network that fails gives is told apart from files that are bad, missing or refused."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from alframe import drives
from alframe.drives import DriveFailures, has_files, is_drive_failure, try_again
from alframe.errors import PoolError


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


@pytest.mark.parametrize(("total", "tolerated"), [(1, 1), (30, 1), (299, 2), (1000, 10), (10**6, 19)])
def test_more_than_a_few_failures_end_the_run(total: int, tolerated: int) -> None:
    failures = DriveFailures(total)
    for number in range(tolerated):
        failures.note(Path(f"{number}.jpg"), "it failed")
    with pytest.raises(PoolError, match=f"{tolerated + 1} of {total:,} images.*the first: 0.jpg .it failed."):
        failures.note(Path("last.jpg"), "it failed")


def test_those_in_between_that_are_given_count(caplog: pytest.LogCaptureFixture) -> None:
    failures = DriveFailures(10**5)
    for number in range(100):
        failures.note(Path(f"{number}.jpg"), "it failed")
        failures.note(Path(f"{number}.jpg"), None)
    failures.warn()
    assert "100 of 100,000 images" in caplog.text
    assert "0.jpg (it failed)" in caplog.text


def test_the_same_file_counts_once() -> None:
    failures = DriveFailures(30)
    for _ in range(drives.TOLERATED_IN_A_ROW - 1):
        failures.note(Path("a.jpg"), "it failed")


def test_has_files(tmp_path: Path) -> None:
    assert not has_files(tmp_path)
    assert not has_files(tmp_path / "none")
    (tmp_path / "a").touch()
    assert has_files(tmp_path)
