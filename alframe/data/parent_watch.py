"""Let worker processes end when their parent process ends, and not for other reasons, such as Ctrl-C."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_start_method, parent_process, resource_tracker

POLL_SECONDS = 1.0


def end_with_parent() -> None:
    """Start a thread that ends this worker process as soon as its parent has ended.

    Otherwise a worker whose parent was killed would wait for ever until somebody takes its next batch.
    """
    threading.Thread(target=_wait_for_parent, args=(os.getppid(),), daemon=True).start()


def _wait_for_parent(parent: int) -> None:
    # The sentinel tells it at once, and on Windows alone; but workers that were forked later may hold it open. There
    # the parent's number changes, as on all systems but Windows.
    process = parent_process()
    if process is None:
        return
    sentinel: int | None = process.sentinel
    while os.getppid() == parent:
        if sentinel is None:  # of a worker of joblib
            time.sleep(POLL_SECONDS)
        elif connection.wait([sentinel], POLL_SECONDS):
            break
    os._exit(1)


def end_silently_at_sigterm() -> None:
    """Let SIGTERM end this worker process as if its work was done, also if the signal came earlier and was held back.

    Schedulers send SIGTERM to the whole process group. The main process handles it. Otherwise torch would report there
    that a worker was killed.
    """
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


@contextmanager
def hold_back_interrupts() -> Iterator[None]:
    """Start processes in this block that Ctrl-C does not end. (It would end them with a traceback during imports).

    They inherit the handling of signals in this block. SIGTERM waits too, until they call `end_silently_at_sigterm`. On
    POSIX, this process is interrupted after the block. On Windows, a Ctrl-C during the block is ignored.
    """
    if sys.platform == "win32":
        set_handler = ctypes.windll.kernel32.SetConsoleCtrlHandler
        set_handler(None, True)
        try:
            yield
        finally:
            set_handler(None, False)
    else:
        if get_start_method() != "fork":
            resource_tracker.ensure_running()  # which, while it starts, lets interrupts through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
