"""Put an evaluation into words: over which classes its averages are, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping

from alframe.types import Evaluation

NAMED_CLASSES = 5  # of those that are not measured; of more, the number


def describe_averages(evaluation: Evaluation) -> str:
    """Say which classes the averages leave out, because no image of them was tested; nothing if there are none."""
    unmeasured, classes = evaluation.unmeasured_classes, len(evaluation.classes)
    if not unmeasured:
        return ""
    return f"averages over {classes - len(unmeasured)} of {classes} classes; not measured: {name_classes(unmeasured)}"


def name_classes(remarks: Mapping[str, str], limit: int = NAMED_CLASSES) -> str:
    """Return the classes with a remark on each in brackets, as "hare (30 images), fox"; of more than `limit` some."""
    named = [f"{name} ({remark})" if remark else name for name, remark in remarks.items()]
    more = len(named) - limit
    return ", ".join(named[:limit]) + (f" and {more} more" if more > 0 else "")


def describe_pool_accuracy(audit: Evaluation) -> str:
    """Say in plain words what an audit found: of few images, no more than its interval."""
    right, low, high = (round(100 * share) for share in (audit.accuracy, audit.low, audit.high))
    _, _, remark = audit.basis.partition(", ")
    images = f"images of the pool ({remark})" if remark else "images of the pool"
    if audit.is_small:
        return (
            f"Of 100 {images}, the model would get between {low} and {high} right: {audit.n} images drawn at random "
            "are too few for one number"
        )
    return f"Of 100 {images}, the model would get {right} right (between {low} and {high})"
