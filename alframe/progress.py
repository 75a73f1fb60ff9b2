"""Progress bars with a rate and the time left, for whatever takes longer than a moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

Step = TypeVar("Step")


def track(steps: Iterable[Step], label: str, total: int | None = None, unit: str = "it") -> Iterator[Step]:
    """Go through `steps` with a bar on standard error; it shows only once the work has lasted over a second."""
    from tqdm import tqdm

    yield from tqdm(steps, desc=label, total=total, unit=unit, delay=1.0, dynamic_ncols=True, leave=True)


class Bar:
    """A bar that is moved by hand: ``with Bar("Embedding", total=n, unit="img") as bar: bar.advance(32)``."""

    def __init__(self, label: str, total: int, unit: str = "it", delay: float = 1.0) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=label, total=total, unit=unit, delay=delay, dynamic_ncols=True)

    def advance(self, steps: int = 1) -> None:
        self._bar.update(steps)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def in_words(seconds: float) -> str:
    """A length of time to the precision of a forecast: "40 s", "12 min", "3 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def in_bytes(count: float) -> str:
    """Bytes as "640 MB" or "5.1 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
