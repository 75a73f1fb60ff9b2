"""What is decided outside the parts, as plain data; and the digest of all that decides a result."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

Recipe = Mapping[str, Any]  # a part's name and parameters


@cache
def versions() -> dict[str, str]:
    """Versions of the packages that decide a result."""
    found = {}
    for name in ("alframe", "torch", "timm", "numpy", "scikit-learn", "faiss-cpu", "pillow", "onnxruntime", "openvino"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
