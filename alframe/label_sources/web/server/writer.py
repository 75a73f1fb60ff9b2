"""One thread writes the journal. It commits the waiting jobs together, and reports them when they are on the disk."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from alframe.label_sources.web.journal import Journal

Result = TypeVar("Result")
Job = tuple[Callable[[Journal], Any], "Future[Any]"]
_COMMITTED_TOGETHER = 64


class JournalWriter:
    """Writes to the journal in a thread. Call `close` at the end."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal.open(folder)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def write_and_wait(self, write: Callable[[Journal], Result]) -> Result:
        """Call `write` in a transaction, and return its result when the rows are on the disk. Raises its errors."""
        future: Future[Result] = Future()
        self._jobs.put((write, future))
        return await asyncio.wrap_future(future)

    def write_later(self, write: Callable[[Journal], object]) -> None:
        """Call `write` soon, without waiting for it. A power cut may lose its rows."""
        self._jobs.put((write, Future()))

    def close(self) -> None:
        """Do the waiting jobs, and close the file."""
        self._jobs.put(None)
        self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        is_open = True
        while is_open:
            jobs = [self._jobs.get()]
            while len(jobs) < _COMMITTED_TOGETHER and jobs[-1] is not None and not self._jobs.empty():
                jobs.append(self._jobs.get())
            is_open = jobs[-1] is not None
            self._commit([job for job in jobs if job is not None])

    def _commit(self, jobs: list[Job]) -> None:
        """Run all jobs in one transaction. If a job fails, only its own rows are undone."""
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        jobs = [job for job in jobs if job[1].set_running_or_notify_cancel()]  # nobody waits for the others any more
        try:
            with self._journal.transaction():
                for write, future in jobs:
                    self._journal.db.execute("SAVEPOINT job")
                    try:
                        done.append((future, write(self._journal), None))
                    except Exception as error:
                        self._journal.db.execute("ROLLBACK TO job")
                        done.append((future, None, error))
                    self._journal.db.execute("RELEASE job")
            self._journal.require_in_place()
        except Exception as error:  # nothing is on the disk: a full one, for example
            done = [(future, None, error) for _, future in jobs]
        for future, result, problem in done:
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)
