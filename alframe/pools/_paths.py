"""Paths as the user gave them, made absolute."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: Path) -> Path:
    """`path` with ~ and .. worked out; links and mapped drives stay as they are, since ids and messages show them."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 (resolve() would follow them)
