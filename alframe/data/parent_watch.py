"""Worker processes that end with the process that started them, also where that is killed and can end nothing."""

from __future__ import annotations

import os
import threading
from multiprocessing import connection, parent_process

POLL_SECONDS = 1.0


def end_with_parent() -> None:
    """Have a thread end this worker process as soon as its parent has ended.

    Left alone, a worker whose parent was killed waits for ever for somebody to take its next batch.
    """
    threading.Thread(target=_wait_for_parent, args=(os.getppid(),), daemon=True).start()


def _wait_for_parent(parent: int) -> None:
    # The sentinel tells it at once, and on Windows alone; but workers that were forked later may hold it open. There
    # the parent's number changes, as on all systems but Windows.
    process = parent_process()
    if process is None:
        return
    while not connection.wait([process.sentinel], POLL_SECONDS) and os.getppid() == parent:
        pass
    os._exit(1)
