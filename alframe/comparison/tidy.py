"""Learning curves as a tidy table, with one row for each run and round."""

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
    """Return a row for each evaluated round of a run: `columns`, which are the same in all rows, and the results.

    `round` is the number of batches from which the model has learned, and `labels` the number of labels. `seconds` is
    the time since the record before, and `selection_seconds` the part of it for choosing images. `n` images of the kind
    `basis` were tested. `low` and `high` are the bounds of the accuracy with 95 % confidence. `unmeasured_classes`
    names the classes without an image among them.
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
