"""The class names of the pool: one spelling for each class, and no impossible names."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from reprlib import repr as shorten

from alframe.class_names import (
    UNSURE,
    class_name_key,
    clean_class_name,
    commonest_spellings,
    explain_suspect_name,
    looks_like_list,
)
from alframe.formats.detections import category_kind
from alframe.types import ItemColumns

log = logging.getLogger(__name__)
MAX_NAMED = 5  # in one message


def unify_pool_classes(items: ItemColumns, declared: Iterable[str], earlier: Iterable[str] = ()) -> ItemColumns:
    """Return the items with one spelling for each class. A label that cannot be a class name is removed.

    The spelling comes from a `declared` class (in the settings or in people's answers), else from an `earlier` label of
    the pool, else the most frequent spelling is used. The log has the number of changes of each kind and their names.
    """
    counts = Counter(label for label in items.labels if label is not None)
    if not counts:
        return items
    declared_spellings = _first_spellings(declared)
    cleaned = Counter[str]()
    for label, count in counts.items():
        cleaned[clean_class_name(label)] += count
    others = commonest_spellings(cleaned)
    spellings = {**others, **_first_spellings(map(clean_class_name, dict.fromkeys(earlier))), **declared_spellings}
    class_of: dict[str, str | None] = {}
    reasons: dict[str, str] = {}
    for label in counts:
        name = clean_class_name(label)
        key = class_name_key(name)
        reason = explain_suspect_name(name, declared_spellings, others, is_typed=False)
        if key == UNSURE:
            reason = "is the word for an image that nobody can identify"
        if reason:
            reasons[label] = reason
        class_of[label] = None if reason else spellings[key]
    _warn_of_invalid_classes(items, counts, reasons)
    _warn_of_similar_classes(counts, class_of)
    classes = Counter[str]()
    for label, class_name in class_of.items():
        if class_name is not None and class_name_key(class_name) not in declared_spellings:
            classes[class_name] += counts[label]
    _warn_of_lists(classes)
    _warn_of_punctuation(classes)
    return replace(items, labels=[None if label is None else class_of[label] for label in items.labels])


def _first_spellings(names: Iterable[str]) -> dict[str, str]:
    spellings: dict[str, str] = {}
    for name in names:
        spellings.setdefault(class_name_key(name), name)
    return spellings


def _warn_of_invalid_classes(items: ItemColumns, counts: Counter[str], reasons: dict[str, str]) -> None:
    if not reasons:
        return
    first = dict(zip(reversed(items.labels), reversed(items.ids), strict=True))
    named = [
        f"{shorten(label)} ({counts[label]} images, the first {first[label]}) {reason}"
        for label, reason in list(reasons.items())[:MAX_NAMED]
    ]
    more = f" and {len(reasons) - MAX_NAMED} labels more" if len(reasons) > MAX_NAMED else ""
    log.warning(
        "%d images count as unlabelled, because their label in the pool is not a class: %s%s.",
        *(sum(counts[label] for label in reasons), "; ".join(named), more),
    )


def _warn_of_similar_classes(counts: Counter[str], class_of: dict[str, str | None]) -> None:
    twins = defaultdict(list)
    for label, name in class_of.items():
        if name is not None and clean_class_name(label) != name:
            twins[name].append(f"{shorten(label)} ({counts[label]} images)")
    if twins:
        named = [f"{', '.join(others)} as '{name}'" for name, others in list(twins.items())[:MAX_NAMED]]
        log.warning(
            "%d spellings of the pool's classes differ from others only in case, blanks or marks, and count as the "
            "same class: %s. If one of them is a different class, rename it.",
            *(sum(map(len, twins.values())), "; ".join(named)),
        )
    nothing = sorted({name for name in class_of.values() if name is not None and category_kind(name) == "empty"})
    if len(nothing) > 1:
        log.warning(
            "%d classes of the pool are words for a picture with nothing on it: %s. They count as different classes. "
            "If they mean the same, rename all but one of them.",
            *(len(nothing), ", ".join(f"'{name}'" for name in nothing)),
        )


def _warn_of_lists(classes: Counter[str]) -> None:
    if lists := [f"{shorten(name)} ({count} images)" for name, count in classes.items() if looks_like_list(name)]:
        log.warning(
            "%d classes of the pool look like lists of several classes, and each counts as one class: %s. If they are "
            "lists, give each class of an image a row of its own; pool.several says what then counts.",
            *(len(lists), ", ".join(lists[:MAX_NAMED])),
        )


def _warn_of_punctuation(classes: Counter[str]) -> None:
    alike = defaultdict(list)
    for name, count in classes.items():
        if letters := "".join(filter(str.isalnum, class_name_key(name))):
            alike[letters].append(f"{shorten(name)} ({count} images)")
    groups = [names for letters, names in alike.items() if len(names) > 1 and not letters.isdigit()]
    if groups:
        log.warning(
            "%d classes of the pool differ from others only in punctuation marks or spaces, and count as different "
            "classes: %s. If they mean the same, rename all but one of them.",
            *(sum(len(names) - 1 for names in groups), "; ".join(", ".join(names) for names in groups[:MAX_NAMED])),
        )
