"""How far it has got, and how long it will take, for whatever takes longer than a moment.

Each bar forecasts: once it has an idea of its pace, and only if all will take over a minute, it says how long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sized
from functools import cache
from typing import Any, TypeVar

TRIAL = 2.0  # seconds of the first steps, by which it is forecast how long all will take
LONG = 60.0  # seconds, above which that is said

Step = TypeVar("Step")

log = logging.getLogger(__name__)


class Forecast:
    """Says once, from the first of `total` steps, how long all of them will take, if that is over a minute.

    What comes before the first call of `see` does not count: mostly it took to start, and is no measure of the rest.
    `besides` are seconds that are known to be added; with `at_most` it may end earlier. Without a total it is silent.
    """

    def __init__(
        self, label: str, total: int | None, unit: str = "step", at_most: bool = False, besides: float = 0.0
    ) -> None:
        self._words = (label, _many(unit), "at most" if at_most else "about")
        self._total = total or 0
        self._besides = besides
        self._begin: float | None = None
        self._first = self._seen = self._read = self._written = 0
        self._done = not total

    def see(self, steps: int = 1, read: int = 0, written: int = 0) -> None:
        """Note that so many more steps are done, for which so many bytes of files were read and written."""
        if self._done:
            return
        now = time.perf_counter()
        self._seen += steps
        self._read += read
        self._written += written
        if self._begin is None:
            self._begin, self._first = now, self._seen
        elif now - self._begin >= TRIAL and self._seen > self._first:
            self._done = True
            pace = (now - self._begin) / (self._seen - self._first)
            if self._total * pace + self._besides > LONG:
                self._say(pace)

    def _say(self, pace: float) -> None:
        label, steps, how = self._words
        each = f"{1 / pace:.3g} a second" if pace < 1 else f"{in_words(pace)} each"
        moved = ((self._read, "read"), (self._written, "written"))
        log.info(
            "%s: %s %s will take %s %s, at %s%s.",
            *(label, f"{self._total:,}", steps, how, in_words(self._total * pace + self._besides), each),
            "".join(f"; {in_bytes(size * self._total / self._seen)} are {what}" for size, what in moved if size),
        )


def track(steps: Iterable[Step], label: str, total: int | None = None, unit: str = "step") -> Iterator[Step]:
    """Go through `steps` with a bar on standard error; it shows only once the work has lasted over a second."""
    if total is None and isinstance(steps, Sized):
        total = len(steps)
    forecast = Forecast(label, total, unit)
    forecast.see(0)
    for step in _tqdm()(steps, desc=label, total=total, unit=unit, delay=1.0, dynamic_ncols=True, leave=True):
        yield step
        forecast.see()


class Bar:
    """A bar that is moved by hand: ``with Bar("Embedding", total=n, unit="img") as bar: bar.advance(32)``.

    `forecast` False: the pace of the first steps says nothing of the rest.
    """

    def __init__(self, label: str, total: int, unit: str = "step", delay: float = 1.0, forecast: bool = True) -> None:
        self._bar = _tqdm()(desc=label, total=total, unit=unit, delay=delay, dynamic_ncols=True)
        self._forecast = Forecast(label, total if forecast else None, unit)

    def advance(self, steps: int = 1, read: int = 0, written: int = 0) -> None:
        """So many more are done, for which so many bytes of files were read and written."""
        self._bar.update(steps)
        self._forecast.see(steps, read, written)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


@cache
def _tqdm() -> Any:
    from tqdm import tqdm

    class Tqdm(tqdm):  # type: ignore[misc]  # it comes without types
        def __del__(self) -> None:
            # Ctrl-C while it was being made leaves one that has nothing to close, and would fail at it.
            if hasattr(self, "start_t"):
                super().__del__()

    return Tqdm


def in_words(seconds: float) -> str:
    """A length of time to the precision of a forecast: "40 s", "12 min", "3 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def in_bytes(count: float) -> str:
    """Bytes as "640 MB", "5.1 GB" or "2.5 TB"."""
    if count < 1e9:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e12:.1f} TB" if count >= 1e12 else f"{count / 1e9:.1f} GB"


def _many(unit: str) -> str:
    return {"img": "images"}.get(unit, unit if unit.endswith("s") else f"{unit}s")
