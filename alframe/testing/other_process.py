"""What differs in another process, on another day."""

from __future__ import annotations

import builtins
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def as_in_another_process() -> Iterator[None]:
    """Let the clock show another day, and hash() of a text give another number, as in another process."""
    clock, clock_ns, own_hash = time.time, time.time_ns, hash

    def changed(value: object) -> object:
        return f"{value}'" if isinstance(value, str) else tuple(map(changed, value)) if type(value) is tuple else value

    def other_hash(value: object) -> int:
        is_of_a_class = sys._getframe(1).f_code.co_name == "__hash__"  # dictionaries must go on to find its objects
        return own_hash(value if is_of_a_class else changed(value))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + 12345678)
        patch.setattr(time, "time_ns", lambda: clock_ns() + 12345678 * 10**9)
        patch.setattr(builtins, "hash", other_hash)
        yield
