"""Kill a process before its n-th file operation."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

OPERATIONS = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.utime", "sqlite3.connect"}


def killed_before(operation: int, work: Callable[[], object]) -> bool:
    """Run `work` in a forked process and kill it before its n-th file operation; return whether it had so many."""
    child = os.fork()
    if child == 0:
        left = iter(range(operation))

        def kill_at_last(event: str, arguments: tuple[object, ...]) -> None:
            is_writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if (event in OPERATIONS or is_writing) and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_at_last)
        try:
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
