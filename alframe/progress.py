"""Show the progress of a long step, and estimate its duration.

When the pace of a bar is known, it logs the estimated duration, if this is over a minute.
Bars are shown in terminals and notebooks. In files and pipes, one line at the end of a long step takes their place.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

TRIAL_SECONDS = 2.0  # of the first steps, from which the pace of all is estimated
BAR_INTERVAL = 0.05  # between two moves of a bar: to move it for each of a million items takes a second
LONG_SECONDS = 60.0  # what takes longer is announced
LISTENER_INTERVAL = 1.0  # seconds between two sentences to those who follow a bar
MIN_LOGGED_SECONDS = 10.0  # where no bars are shown, a step that took longer is logged at its end

Step = TypeVar("Step")

log = logging.getLogger(__name__)

_listeners: list[Callable[[str], object]] = []
_open_bars: list[Bar] = []


class DurationEstimate:
    """An estimate of the duration of `total` steps. It is logged once, and only if it is over a minute.

    `unit`: the name of a step, e.g. "img". `at_most`: the work may end earlier. `extra_seconds` are added to the
    estimate. If `total` is None, nothing is estimated. The time before the first call of `update` does not count,
    because most of it is needed to start the work.
    """

    def __init__(
        self, label: str, total: int | None, unit: str = "step", at_most: bool = False, extra_seconds: float = 0.0
    ) -> None:
        self._label, self._units, self._about = label, _plural(unit), "at most" if at_most else "about"
        self._total = total or 0
        self._extra_seconds = extra_seconds
        self._started_at: float | None = None
        self._start_steps = self._steps = self._read = self._written = 0
        self._done = not total

    def update(self, steps: int = 1, read: int = 0, written: int = 0) -> None:
        """Note that `steps` more steps are done. They read `read` bytes from files and wrote `written` bytes."""
        if self._done:
            return
        now = time.perf_counter()
        self._steps += steps
        self._read += read
        self._written += written
        if self._started_at is None:
            self._started_at, self._start_steps = now, self._steps
        elif now - self._started_at >= TRIAL_SECONDS and self._steps > self._start_steps:
            self._done = True
            self._announce((now - self._started_at) / (self._steps - self._start_steps))

    def _announce(self, seconds_per_step: float) -> None:
        seconds = self._total * seconds_per_step + self._extra_seconds
        if seconds <= LONG_SECONDS:
            return
        slow = seconds_per_step >= 1
        pace = f"{format_duration(seconds_per_step)} each" if slow else f"{1 / seconds_per_step:.3g} a second"
        moved = ((self._read, "read"), (self._written, "written"))
        log.info(
            "%s: %s %s will take %s %s, at %s%s.",
            *(self._label, f"{self._total:,}", self._units, self._about, format_duration(seconds), pace),
            "".join(f"; {format_bytes(size * self._total / self._steps)} are {how}" for size, how in moved if size),
        )


def track(steps: Iterable[Step], label: str, total: int | None = None, unit: str = "step") -> Iterator[Step]:
    """Yield the `steps` with a progress bar on standard error, which appears when the work lasts over a second."""
    if total is None and isinstance(steps, Sized):
        total = len(steps)
    with Bar(label, total, unit) as bar:
        bar.advance(0)
        pending, told_at = 0, time.perf_counter()
        for step in steps:
            yield step
            pending += 1
            if (now := time.perf_counter()) - told_at >= BAR_INTERVAL:
                bar.advance(pending)
                pending, told_at = 0, now
        bar.advance(pending)


@contextmanager
def follow_bars(listener: Callable[[str], object]) -> Iterator[None]:
    """Send `listener` a sentence about the progress of the last moved bar, about once a second."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Bar:
    """A progress bar that the caller moves: ``with Bar("Embedding", total=n, unit="img") as bar: bar.advance(32)``.

    The bar appears after `delay` seconds. Set `forecast=False` if the speed of the first steps does not predict the
    rest. If another bar is visible, a new bar stays hidden, because the first one shows the whole work.
    """

    def __init__(
        self, label: str, total: int | None, unit: str = "step", delay: float = 1.0, forecast: bool = True
    ) -> None:
        self._label, self._units = label, _plural(unit)
        self._shown = shows_bars()
        self._total, self._steps, self._started_at = total, 0, time.perf_counter()
        self._told_at = self._started_at
        is_part = any(bar._bar.is_seen for bar in _open_bars)
        self._bar: Any = _tqdm_class()(
            desc=label, total=total, unit=unit, delay=delay, dynamic_ncols=True, disable=is_part or not self._shown
        )
        self._forecast = DurationEstimate(label, total if forecast else None, unit)

    def advance(self, steps: int = 1, read: int = 0, written: int = 0) -> None:
        """Move the bar by `steps`. These steps read `read` bytes from files and wrote `written` bytes."""
        self._steps += steps
        self._bar.update(steps)
        self._forecast.update(steps, read, written)
        now = time.perf_counter()
        if _listeners and self._steps and now - self._told_at >= LISTENER_INTERVAL:
            self._told_at = now
            text = self._describe(now - self._started_at)
            for listener in _listeners:
                listener(text)

    def _describe(self, seconds: float) -> str:
        """Return the progress after `seconds`, such as "Embedding images: 310 of 728 images, about 40 s left."."""
        if not self._total:
            return f"{self._label}: {self._steps:,} {self._units}."
        left = format_duration(seconds / self._steps * max(0, self._total - self._steps))
        return f"{self._label}: {self._steps:,} of {self._total:,} {self._units}, about {left} left."

    def __enter__(self) -> Bar:
        _open_bars.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _open_bars.remove(self)
        self._bar.close()
        seconds = time.perf_counter() - self._started_at
        if not self._shown and seconds >= MIN_LOGGED_SECONDS:
            log.info("%s: %s %s in %s.", self._label, f"{self._steps:,}", self._units, format_duration(seconds))


def shows_bars() -> bool:
    """Return whether standard error is a terminal or a notebook, and not a file or a pipe."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


def format_duration(seconds: float) -> str:
    """Return a duration with the precision of an estimate: "40 s", "12 min", "3 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def format_bytes(count: float) -> str:
    """Return bytes as "640 MB", "5.1 GB" or "2.5 TB"."""
    if count < 1e9:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e12:.1f} TB" if count >= 1e12 else f"{count / 1e9:.1f} GB"


@cache
def _tqdm_class() -> Any:
    from tqdm import tqdm

    class Tqdm(tqdm):  # type: ignore[misc]  # it comes without types
        is_seen = False

        def __del__(self) -> None:
            # Ctrl-C while it was being made leaves one that has nothing to close, and would fail at it.
            if hasattr(self, "start_t"):
                super().__del__()

        def refresh(self, *args: Any, **options: Any) -> None:
            # A line that is logged (tqdm.write) would show a bar before its delay is over, and leave its line open.
            if not self.delay or self._time() >= self.start_t + self.delay:
                self.is_seen = not self.disable
                super().refresh(*args, **options)
                self.last_print_t = self._time()

    return Tqdm


def _plural(unit: str) -> str:
    return {"img": "images"}.get(unit, unit if unit.endswith("s") else f"{unit}s")
