"""The memory allocator of glibc, told to keep what was freed."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # from glibc's malloc.h


@cache
def keep_freed_memory() -> bool:
    """Tell glibc's allocator never to give pages back; return whether it did (elsewhere there is nothing to do).

    By default every large array is mapped from the kernel, faulted in page by page, and returned when it is freed.
    This takes longer than the arithmetic of an eager forward pass (EfficientNet-Lite0 at 224 px, batches of 32,
    one thread: 25 images a second and 7,700 page faults an image; with the memory kept 50 and 49), and a third of the
    time of a head's probabilities, which are computed for some thousand images at a time.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_TRIM_THRESHOLD, -1)) and bool(mallopt(_MMAP_MAX, 0))


def return_freed_memory() -> None:
    """Give back what was freed and kept, before a program waits for hours or days; it does nothing without glibc."""
    if keep_freed_memory():
        ctypes.CDLL(None).malloc_trim(0)
