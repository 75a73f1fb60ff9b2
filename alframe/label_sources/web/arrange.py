"""The order of the grid: groups of one suggested class, and between them runs of images without a suggestion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from alframe.label_sources.web.images import BatchRow
from alframe.types import Request, Suggestion

_MIN_BLIND_RUN = 12  # images without a suggestion that stand together, at least, where there are as many


def arrange_batch(request: Request) -> list[BatchRow]:
    """Return the images of a request in the order of the grid.

    Suggested classes come by size, the largest first; within a class, images that look alike stand together, and those
    of one sequence side by side. Images without a suggestion are spread over the whole batch in runs: whoever labels
    only the beginning must not miss the audit, which is among them. Nothing about their place depends on the model.
    """
    count = len(request.items)
    suggestions: Sequence[Suggestion | None] = request.suggestions or [None] * count
    blind = request.without_suggestion or (True,) * count
    places = _sequence_sort_keys(request)
    shown = [None if is_blind else suggestion for suggestion, is_blind in zip(suggestions, blind, strict=True)]
    sizes = Counter(suggestion.class_name for suggestion in shown if suggestion is not None)
    order = sorted(range(count), key=places.__getitem__)
    groups: dict[str, list[int]] = {name: [] for name, _ in sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))}
    unsuggested: list[int] = []
    for index in order:
        suggestion = shown[index]
        (unsuggested if suggestion is None else groups[suggestion.class_name]).append(index)
    arranged = _merge_evenly(list(groups.values()), unsuggested)
    rows = []
    for position, index in enumerate(arranged):
        suggestion = shown[index]
        name, confidence = (None, None) if suggestion is None else (suggestion.class_name, suggestion.confidence)
        rows.append(BatchRow(position, request.items[index], name, confidence, blind[index]))
    return rows


def _sequence_sort_keys(request: Request) -> list[tuple[int, str, int]]:
    """Return a sort key for each item: the place of the first of its sequence, then its time, then its own place."""
    places = request.similarity_order or tuple(range(len(request.items)))
    first: dict[str, int] = {}
    for item, place in zip(request.items, places, strict=True):
        if item.sequence is not None:
            first[item.sequence] = min(place, first.get(item.sequence, place))
    return [
        (
            place if item.sequence is None else first[item.sequence],
            "" if item.sequence is None or item.taken is None else item.taken.isoformat(),
            place,
        )
        for item, place in zip(request.items, places, strict=True)
    ]


def _merge_evenly(groups: Sequence[Sequence[int]], unsuggested: Sequence[int]) -> list[int]:
    """Return all groups one after another, with runs of `unsuggested` images spread evenly between them.

    A group is cut where a run belongs, so that the runs lie evenly whatever the sizes of the groups.
    """
    suggested = [index for group in groups for index in group]
    runs = max(1, len(unsuggested) // _MIN_BLIND_RUN)
    spread: list[int] = []
    for number in range(runs):
        spread += unsuggested[len(unsuggested) * number // runs : len(unsuggested) * (number + 1) // runs]
        spread += suggested[len(suggested) * number // runs : len(suggested) * (number + 1) // runs]
    return spread
