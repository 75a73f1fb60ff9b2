"""The numbers of the progress page at the last publication of the campaign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from alframe.kit.leading_evaluation import find_per_class_evaluation
from alframe.types import CampaignSnapshot, Estimate, Evaluation, RoundRecord


def progress_as_json(snapshot: CampaignSnapshot) -> dict[str, Any]:
    """Return the numbers that do not change while people answer, for JSON."""
    names = dict.fromkeys([*snapshot.classes, *snapshot.class_counts])
    return {
        "pool": sum(item.split == "pool" for item in snapshot.items),
        "unlabelled": snapshot.unlabelled,
        "labels_left": snapshot.labels_left,
        "curves": {
            "audit": [_curve_point(record, record.audit) for record in snapshot.history if record.audit],
            "evaluation": [_curve_point(record, record.evaluation) for record in snapshot.history if record.evaluation],
        },
        "estimates": _describe_estimates(snapshot.history),
        **_describe_classes(list(names), find_per_class_evaluation(snapshot.history)),
        "unseen_classes": snapshot.unseen_classes,
        "skipped": snapshot.unanswered_without_suggestion_count,
        "agreement": [
            each._asdict() | {"kappa": None if math.isnan(each.kappa) else each.kappa} for each in snapshot.agreement
        ],
    }


def _describe_estimates(history: Sequence[RoundRecord]) -> list[dict[str, Any]]:
    """Return the estimates of the newest audit: for the images without a label, then for the whole pool."""
    newest = next((record for record in reversed(history) if record.audit), None)
    estimates = [] if newest is None else [newest.unlabelled_accuracy, newest.whole_pool_accuracy]
    return [
        {"kind": kind, "images": each.images, **_accuracy_cells(each)}
        for kind, each in zip(("unlabelled", "whole_pool"), estimates, strict=False)
        if each is not None
    ]


def _describe_classes(names: Sequence[str], evaluation: Evaluation | None) -> dict[str, Any]:
    """Return the measured values of each class and the measured images; a class without such images has None."""
    scores = {} if evaluation is None else dict(zip(evaluation.classes, evaluation.per_class, strict=True))
    keys = ("support", "recall", "recall_low", "recall_high", "precision")
    measured = {name: known for name in names if (known := scores.get(name, {})).get("support")}
    return {
        "classes": [{"name": name} | {key: measured.get(name, {}).get(key) for key in keys} for name in names],
        "classes_measured_on": None if evaluation is None else {"n": evaluation.n, "basis": evaluation.basis},
    }


def _curve_point(record: RoundRecord, evaluation: Evaluation) -> dict[str, Any]:
    cells = {"round": record.round, "labels": record.labels, "basis": evaluation.basis, "n": evaluation.n}
    return cells | _accuracy_cells(evaluation)


def _accuracy_cells(estimate: Evaluation | Estimate) -> dict[str, Any]:
    return {"accuracy": estimate.accuracy, "low": estimate.low, "high": estimate.high, "few_images": estimate.is_small}
