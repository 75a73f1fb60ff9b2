"""What a disk that will not is called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alframe.errors import StoreError


@contextmanager
def explained(target: Path) -> Iterator[None]:
    """Raise StoreError, with what to do, for a `target` that is open in another program, a full disk and the like."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{target} cannot be replaced: {error}. Close it if it is open in another program, make room if the disk "
            "is full, and export again. What was there before is as it was."
        ) from error
