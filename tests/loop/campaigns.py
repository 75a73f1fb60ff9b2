"""Campaigns in processes of their own, so that they can be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from alframe.app.api import open_session
from alframe.store.ledger import Ledger

# What a campaign imports is loaded once, in the server that the processes are forked from.
CONTEXT = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded"])

# What two runs of the same campaign must agree on; times differ by nature.
COMPARED = {
    "item": ["key", "id", "split", "label"],
    "round": ["number", "config"],
    "selection": ["round", "rank", "item", "score"],
    "label": ["item", "class", "round", "origin", "annotator"],
}


def campaign(words: list[str], cwd: str, die_at: int | None) -> None:
    """Run to the end; with `die_at`, kill the own process (-9) after that many transactions of the ledger."""
    import torch

    os.chdir(cwd)
    torch.set_num_threads(1)
    if die_at is not None:
        _die_after(die_at)
    with open_session(*words) as session:
        session.task_to_run.run(session)


def _die_after(count: int) -> None:
    commit = Ledger.transaction
    left = iter(range(count))

    def transaction(self: Ledger) -> Any:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return commit(self)

    Ledger.transaction = transaction


def start(words: list[str], cwd: Path, die_at: int | None = None) -> BaseProcess:
    process = CONTEXT.Process(target=campaign, args=(words, str(cwd), die_at))
    process.start()
    return process


def warm_up() -> None:
    """Start the server that processes are forked from, so that its imports count as no campaign's time."""
    process = CONTEXT.Process(target=os.getpid)
    process.start()
    process.join(120)
    assert process.exitcode == 0


def facts(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a ledger says, without the times."""
    with Ledger.open(folder, read_only=True) as ledger:
        return {table: ledger.raw_rows(table, columns) for table, columns in COMPARED.items()}


def accuracies(folder: Path) -> list[tuple[int, float]]:
    with Ledger.open(folder, read_only=True) as ledger:
        return [(one.labels, one.evaluation.accuracy) for one in ledger.history() if one.evaluation]


def only_project(runs: Path) -> Path:
    (ledger,) = runs.glob("*/ledger.sqlite")
    return ledger.parent


Words = Callable[[Path], list[str]]
