"""Helpers for trackers that write to a service: numbers, settings, confusion matrix, and the run to continue."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alframe.kit.files import write_json
from alframe.types import Evaluation, RoundRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_NAMED_CLASSES = 40  # in the picture of a confusion matrix; the names of more would overlap


def round_metrics(record: RoundRecord) -> dict[str, float]:
    """Return the finite numbers of a round by name, such as ``evaluation/accuracy`` and ``seconds/fit``."""
    numbers: dict[str, Any] = {"round": record.round, "labels": record.labels, "unlabelled": record.unlabelled}
    numbers["classes"] = len(record.classes)
    for prefix in ("evaluation", "audit", "unlabelled_accuracy", "whole_pool_accuracy"):
        measured = getattr(record, prefix)
        if measured is not None:
            numbers |= {f"{prefix}/{field.name}": getattr(measured, field.name) for field in fields(measured)}
    numbers |= {f"seconds/{phase}": seconds for phase, seconds in record.seconds.items()}
    return {
        name: float(value) for name, value in numbers.items() if isinstance(value, int | float) and math.isfinite(value)
    }


def flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str | int | float | bool | None]:
    """Return nested settings with names as on the command line, ``finetune.start``; a list is JSON."""
    flat: dict[str, str | int | float | bool | None] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flatten_settings(value, f"{prefix}{key}.")
        else:
            is_plain = value is None or isinstance(value, str | int | float)
            flat[f"{prefix}{key}"] = value if is_plain else json.dumps(value, ensure_ascii=False, default=str)
    return flat


def confusion_csv(evaluation: Evaluation) -> str:
    """Return the confusion matrix as CSV: a row for each true class, a column for each predicted one."""
    import csv
    import io

    out = io.StringIO()
    rows = ([name, *row] for name, row in zip(evaluation.classes, evaluation.confusion, strict=True))
    csv.writer(out, lineterminator="\n").writerows([["true \\ predicted", *evaluation.classes], *rows])
    return out.getvalue()


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Return the confusion matrix as a picture: rows are the true classes, and each row adds up to 1."""
    import numpy as np
    from matplotlib.figure import Figure

    counts = np.array(evaluation.confusion, float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    figure.colorbar(image, ax=axes)
    axes.set(xlabel="predicted", ylabel="true", title=f"{evaluation.n} images: {evaluation.basis}")
    axes.title.set_wrap(True)
    if len(evaluation.classes) <= MAX_NAMED_CLASSES:
        ticks = range(len(evaluation.classes))
        axes.set_xticks(ticks, evaluation.classes, rotation=90, parse_math=False)
        axes.set_yticks(ticks, evaluation.classes, parse_math=False)
    return figure


class TrackedRun:
    """The run of a project in an external service, and the rounds that were sent to it, stored in the JSON file `file`.

    After a crash, the service may lack a round, or have a round that the project never finished. So a run is continued
    only if all rounds that were sent to it are in the project's history.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.id: str | None = None
        self._sent_rounds: list[str] = []

    def stored_id(self) -> str | None:
        """Return the id of the stored run, even if this run cannot be continued."""
        run = self._read().get("run")
        return None if run is None else str(run)

    def resume(self, history: Sequence[RoundRecord]) -> list[RoundRecord]:
        """Set `id` to the run to continue (None: a new run), and return the records that must still be sent to it."""
        stored = self._read()
        told = stored.get("rounds", [])
        if told != [_round_key(record) for record in history[: len(told)]]:
            stored = {}
        self.id, self._sent_rounds = stored.get("run"), list(stored.get("rounds", []))
        return list(history[len(self._sent_rounds) :])

    def begin(self, run: str) -> None:
        """Store the id of a new run, to which no round was sent yet."""
        self.id, self._sent_rounds = run, []
        self._save_sent_rounds()

    def add(self, record: RoundRecord) -> None:
        """Store that a round was sent to the run."""
        self._sent_rounds.append(_round_key(record))
        self._save_sent_rounds()

    def _save_sent_rounds(self) -> None:
        write_json(self.file, {"run": self.id, "rounds": self._sent_rounds})

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none yet, or damaged: a new run
            return {}
        return stored if isinstance(stored, dict) and isinstance(stored.get("rounds"), list) else {}


def _round_key(record: RoundRecord) -> str:
    """Return what tells a round apart from one that was done again."""
    return f"{record.round} {record.at.isoformat()}"
