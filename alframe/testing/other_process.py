"""What differs in another process, on another day, on Windows and on another device."""

from __future__ import annotations

import builtins
import io
import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor, nn


@contextmanager
def as_in_another_process() -> Iterator[None]:
    """Let the clock show another day, and hash() of a text give another number, as in another process."""
    clock, clock_ns, own_hash = time.time, time.time_ns, hash

    def changed(value: object) -> object:
        return f"{value}'" if isinstance(value, str) else tuple(map(changed, value)) if type(value) is tuple else value

    def other_hash(value: object) -> int:
        callers = (frame.f_code.co_name for frame, _ in traceback.walk_stack(sys._getframe(1)))
        is_of_a_class = any(name in ("__hash__", "_hash") for name in callers)  # dictionaries must find its objects
        return own_hash(value if is_of_a_class else changed(value))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + 12345678)
        patch.setattr(time, "time_ns", lambda: clock_ns() + 12345678 * 10**9)
        patch.setattr(builtins, "hash", other_hash)
        yield


@contextmanager
def on_windows() -> Iterator[None]:
    """Open text files without an encoding as Windows does in Western Europe and America."""
    own_open = io.open

    def opened(file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, *more: Any, **named: Any) -> Any:
        is_default = "b" not in mode and encoding in (None, "locale")
        return own_open(file, mode, buffering, "cp1252" if is_default else encoding, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtins, "open", opened)
        patch.setattr(io, "open", opened)
        yield


def assert_moves_to_another_device(module: nn.Module, *inputs: Tensor) -> None:
    """Assert that no tensor of the module stays on the CPU; a device without memory stands for a GPU.

    A module that needs the values of tensors to go on cannot be tested on it.
    """
    try:
        module.to("meta")(*(each.to("meta") for each in inputs))
    except Exception as error:
        assert not re.search("expected device|same device|two devices", str(error)), (
            f"the module cannot be used on a GPU: register each constant by register_buffer, and make new tensors on "
            f"the device of the input ({error})"
        )
