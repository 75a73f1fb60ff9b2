"""Find the images of an event by their times, because observations of events name no image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np

from alframe.types import Floats64, Ints


@dataclass(frozen=True, slots=True)
class CamtrapEvent:
    """The beginning and the end of an observed event at a deployment."""

    deployment: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Capture:
    """The time of an image at a deployment. `is_time_lapse`: it was taken at a fixed time, without motion."""

    deployment: str
    taken: datetime | None
    is_time_lapse: bool = False


@dataclass
class EventMatches:
    """The numbers of the events of each image, by the image's number, and the events and images that were not joined.

    `without_images` are the events without an image. `motion_event_around` maps images that were taken by the clock
    during an event of motion to this event. The event does not describe these images.
    """

    events_of: dict[int, list[int]] = field(default_factory=dict)
    without_images: list[int] = field(default_factory=list)
    motion_event_around: dict[int, int] = field(default_factory=dict)


def join_events(
    events: Sequence[CamtrapEvent], captures: Sequence[Capture], zones: Mapping[str, tzinfo]
) -> EventMatches:
    """Join the events with the images taken during them. `zones` are the time zones of the clocks, by deployment.

    Times without an offset are local times of the camera. If the time zone is not known, they are compared with the
    local times of times with an offset, except times in UTC, because no camera uses UTC as its local time.
    """
    joined = EventMatches()
    captures_of = _numbers_by_deployment([capture.deployment for capture in captures])
    for deployment, numbers in _numbers_by_deployment([event.deployment for event in events]).items():
        _join_deployment(joined, events, numbers, captures, captures_of.get(deployment, []), zones.get(deployment))
    return joined


def _join_deployment(
    joined: EventMatches,
    events: Sequence[CamtrapEvent],
    event_numbers: Sequence[int],
    captures: Sequence[Capture],
    capture_numbers: Sequence[int],
    zone: tzinfo | None,
) -> None:
    times = [captures[number].taken for number in capture_numbers]
    has_local_times = any(time is not None and time.tzinfo is None for time in times)
    as_local = has_local_times and zone is None

    def seconds(time: datetime | None) -> float:
        if time is None:
            return np.nan
        if as_local:
            return np.nan if time.utcoffset() == timedelta(0) else time.replace(tzinfo=UTC).timestamp()
        if time.tzinfo is None:
            return time.replace(tzinfo=zone).timestamp() if zone is not None else np.nan
        return time.timestamp()

    taken = np.array(list(map(seconds, times)))
    order = np.argsort(taken, kind="stable")  # nan comes last
    known = order[: np.count_nonzero(~np.isnan(taken))]
    spans = np.array([(seconds(events[number].start), seconds(events[number].end)) for number in event_numbers])
    first, stop = (
        np.searchsorted(taken[known], spans[:, 0], "left"),
        np.searchsorted(taken[known], spans[:, 1], "right"),
    )
    stop = np.where(np.isnan(spans).any(axis=1), first, stop)
    is_time_lapse = np.array([captures[number].is_time_lapse for number in capture_numbers], bool)
    longest = _longest_event_length_of_each_image(spans[:, 1] - spans[:, 0], first, stop, len(known))
    for row, number in enumerate(event_numbers):
        inside = known[first[row] : stop[row]]
        moved = ~is_time_lapse[inside]
        # An event is of images by the clock if all others in it are of a longer event as well.
        length = spans[row, 1] - spans[row, 0]
        is_taken_by_clock = not moved.all() and not (longest[first[row] : stop[row]][moved] <= length).any()
        for position, is_moved in zip(inside.tolist(), moved.tolist(), strict=True):
            if is_moved != is_taken_by_clock:
                joined.events_of.setdefault(capture_numbers[position], []).append(number)
            elif not is_moved:
                joined.motion_event_around[capture_numbers[position]] = number
        if not len(inside):
            joined.without_images.append(number)


def _longest_event_length_of_each_image(lengths: Floats64, first: Ints, stop: Ints, count: int) -> Floats64:
    """Return (count,) the length of the longest event of each image, for images in the order of time."""
    longest = np.full(count, -1.0)
    for length, start, end in zip(lengths.tolist(), first.tolist(), stop.tolist(), strict=True):
        longest[start:end] = np.maximum(longest[start:end], length)
    return longest


def _numbers_by_deployment(deployments: Sequence[str]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for number, deployment in enumerate(deployments):
        numbers.setdefault(deployment, []).append(number)
    return numbers
