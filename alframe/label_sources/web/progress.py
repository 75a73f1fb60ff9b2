"""The numbers of the progress page, of the campaign as it was published."""

from __future__ import annotations

import math
from typing import Any

from alframe.types import CampaignSnapshot, Evaluation, RoundRecord


def describe_progress(snapshot: CampaignSnapshot) -> dict[str, Any]:
    """Return the JSON of all that does not change while people answer."""
    latest = next((each for record in reversed(snapshot.history) if (each := _best(record)[0])), None)
    scores = {} if latest is None else dict(zip(latest.classes, latest.per_class, strict=True))
    classes = []
    for name in dict.fromkeys([*snapshot.classes, *snapshot.class_counts]):
        known = scores.get(name, {})
        measured = known if known.get("support") else {}  # without an image of the class nothing was measured
        classes.append(
            {
                "name": name,
                "labels": snapshot.class_counts.get(name, 0),
                "recall": measured.get("recall"),
                "precision": measured.get("precision"),
            }
        )
    return {
        "pool": sum(item.split == "pool" for item in snapshot.items),
        "unlabelled": snapshot.unlabelled,
        "room": snapshot.labels_left,
        "curve": [point for record in snapshot.history if (point := _point(record))],
        "classes": classes,
        "unanswered_audit": snapshot.unanswered_audit_count,
        "agreement": [
            each._asdict() | {"kappa": None if math.isnan(each.kappa) else each.kappa} for each in snapshot.agreement
        ],
    }


def _best(record: RoundRecord) -> tuple[Evaluation | None, str]:
    """Return the evaluation that leads, and its kind."""
    leading = record.leading_evaluation
    return leading, "audit" if leading is not None and leading is record.audit else "evaluation"


def _point(record: RoundRecord) -> dict[str, Any] | None:
    evaluation, kind = _best(record)
    if evaluation is None:
        return None
    return {
        "round": record.round,
        "labels": record.labels,
        "accuracy": evaluation.accuracy,
        "low": evaluation.low,
        "high": evaluation.high,
        "basis": evaluation.basis,
        "kind": kind,
        "n": evaluation.n,
        "few_images": evaluation.is_small,
        "unmeasured_classes": list(evaluation.unmeasured_classes),
        "macro_f1": evaluation.macro_f1,
    }
