"""Learning curves as a tidy table: one row for each run and round, one column for each thing that is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.types import RoundRecord

# The measures of an evaluation that are columns of a tidy table, by the name that they have there and in Evaluation.
MEASURES = (
    "accuracy",
    "low",
    "high",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "sklearn_macro_f1",
    "log_loss",
    "calibration_error",
)


def evaluated_round_rows(history: Sequence[RoundRecord], **columns: object) -> list[dict[str, object]]:
    """Return a row for each evaluated round of a run: `columns`, which are the same in all of them, and what was found.

    `round` counts the batches learned from, `labels` the images. `seconds` were spent since the record before, and
    `selection_seconds` of them on choosing images. `n` images of the kind `basis` were tested; `low` and `high` bound
    the accuracy with 95 % confidence. `unmeasured_classes` names the classes that none of them shows.
    """
    return [
        {
            **columns,
            "round": record.round,
            "labels": record.labels,
            "seconds": round(sum(record.seconds.values()), 3),
            "selection_seconds": record.seconds.get("selection", 0.0),
            "n": record.evaluation.n,
            **{name: getattr(record.evaluation, name) for name in MEASURES},
            "basis": record.evaluation.basis,
            "classes": len(record.evaluation.classes),
            "unmeasured_classes": "; ".join(record.evaluation.unmeasured_classes),
        }
        for record in history
        if record.evaluation is not None
    ]
