"""Describe an evaluation in words: the classes that its averages include, and how certain the numbers are."""

from __future__ import annotations

from collections.abc import Mapping

from alframe.types import Estimate, Evaluation, RoundRecord

MAX_REMARKED_CLASSES = 5  # of those that are not measured; of more, the number


def describe_unmeasured_classes(evaluation: Evaluation) -> str:
    """Return a sentence about the classes that are not in the averages, because no image shows them; else ""."""
    unmeasured, classes = evaluation.unmeasured_classes, len(evaluation.classes)
    if not unmeasured:
        return ""
    measured = classes - len(unmeasured)
    return f"averages over {measured} of {classes} classes; not measured: {classes_with_remarks(unmeasured)}"


def classes_with_remarks(remarks: Mapping[str, str], limit: int = MAX_REMARKED_CLASSES) -> str:
    """Return at most `limit` of the classes, with their remarks in brackets, for example "hare (30 images), fox"."""
    named = [f"{name} ({remark})" if remark else name for name, remark in remarks.items()]
    more = len(named) - limit
    return ", ".join(named[:limit]) + (f" and {more} more" if more > 0 else "")


def describe_pool_accuracy(record: RoundRecord) -> list[str]:
    """Return a list with a sentence on the accuracy for each set of images for which the audit estimates it.

    Without an audit, the list is empty.

    If the images are few, a sentence gives only the interval.
    """
    audit = record.audit
    if audit is None:
        return []
    _, _, remark = audit.basis.partition(", ")
    shares: dict[str, Evaluation | Estimate] = {}
    if rest := record.unlabelled_accuracy:
        shares[f"On the {rest.images:,} images without a label, the model gets"] = rest
    if whole := record.whole_pool_accuracy:
        shares[f"In the whole pool of {whole.images:,} images, people and model together get"] = whole
    which = "new images like those in the pool" if rest else "images of the pool"
    shares[f"On {which}{f' ({remark})' if remark else ''}, the model would get"] = audit
    few = f": {audit.n} images drawn at random are too few for one number" if audit.is_small else ""
    return [f"{words} {describe_share(share)}{few}" for words, share in shares.items()]


def describe_share(measured: Evaluation | Estimate) -> str:
    """Return a share as "86 of 100 right (79 to 92)". If the images are few, it gives only the interval."""
    right, low, high = (round(100 * share) for share in (measured.accuracy, measured.low, measured.high))
    return f"{low} to {high} of 100 right" if measured.is_small else f"{right} of 100 right ({low} to {high})"
