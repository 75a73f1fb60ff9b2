"""Describe doubtful labels, and the results for labels that were asked again."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.loop.recheck import DoubtfulLabels
from alframe.loop.rechecked import RecheckedLabel
from alframe.types import Item


def describe_doubtful(doubtful: DoubtfulLabels) -> list[str]:
    """Return sentences on the number of doubtful labels, and on the labels that were not compared."""
    left_out = {
        "of images that measure the accuracy": doubtful.hidden_count,
        "that the network was fine-tuned on": doubtful.finetuned_count,
        "that were asked again before": doubtful.rechecked_before_count,
    }
    reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.items() if count)
    return [
        f"Labels to which a model that has not seen them prefers another class: {len(doubtful.keys)} of "
        f"{doubtful.event.examined}.",
        *([f"Labels not compared: {reasons}."] if reasons else []),
    ]


def list_doubtful(items: Sequence[Item], doubtful: DoubtfulLabels) -> list[str]:
    """Return a line for each doubtful label, the most doubtful first."""
    event = doubtful.event
    about = zip(doubtful.keys, event.labels, event.given, event.likely, event.confidence, strict=True)
    return [
        f"{items[key].id}: '{label}' {given:.1%}, rather {likely} {confidence:.0%}"
        for key, label, given, likely, confidence in about
    ]


def list_recheck(items: Sequence[Item], checked: Sequence[RecheckedLabel]) -> list[str]:
    """Return a line for each label that got another answer when it was asked again, the most doubtful first."""
    return [
        f"{items[each.key].id}: '{each.before}', now {' and '.join(map(repr, each.answers))}"
        f" (model: {each.likely} {each.confidence:.0%}); {'no label' if each.now is None else repr(each.now)} counts"
        for each in checked
        if each.answers and each.agrees is not True
    ]
