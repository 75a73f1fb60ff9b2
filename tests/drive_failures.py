"""A drive that fails: the system calls on files below it give an errno."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Collection
from typing import Any

import pytest

from alframe import drives


def fail_for(
    monkeypatch: pytest.MonkeyPatch, number: int, names: Collection[str], calls: Collection[str], times: int = 10**9
) -> None:
    """Have `calls` ("open", "stat", "scandir") on files and folders of these names fail, so many times each."""
    left = dict.fromkeys(names, times)

    def guard(call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Any = ".", *args: Any, **options: Any) -> Any:
            name = "" if isinstance(path, int) else os.fspath(path).rpartition("/")[2]
            if left.get(name, 0) > 0:
                left[name] -= 1
                raise OSError(number, os.strerror(number), str(path))
            return call(path, *args, **options)

        return guarded

    monkeypatch.setattr(drives, "RETRY_PAUSES", (0.0, 0.0))
    for name in calls:
        for module in (builtins, io) if name == "open" else (os,):
            monkeypatch.setattr(module, name, guard(getattr(module, name)))
