"""Freed memory is kept for the work that follows, and given back before a program waits."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
from pathlib import Path
from alframe.allocator import keep_freed_memory, return_freed_memory

def own_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

keep_freed_memory()
before = own_mib()
blocks = [b"x" * (1 << 20) for _ in range(100)]
last = b"x" * (1 << 20)  # so that the freed blocks are not the end of the heap
del blocks
kept = own_mib()
return_freed_memory()
print(kept - before, own_mib() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps and returns freed memory on request")
def test_freed_memory_is_kept_until_it_is_returned() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    kept, returned = map(float, done.stdout.split())
    assert kept > 90
    assert returned < 20
