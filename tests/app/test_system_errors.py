"""What a person is told of an error that ended a task."""

from __future__ import annotations

import errno

import pytest

from alframe.app.logging import describe_error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "9 MB are needed and 0 MB are free", "runs"), "9 MB are needed and 0 MB are free: runs"),
        (PermissionError(errno.EACCES, "Permission denied", "a", None, "b"), "Permission denied: a -> b"),
        (OSError("the drive is gone"), "the drive is gone"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), "timed out"),
    ],
)
def test_a_system_error_is_said_without_its_number(error: OSError, what: str) -> None:
    rest = "The work done so far is kept. Fix this, and run the same command again to continue."
    assert describe_error(error) == f"{what}. {rest}"
