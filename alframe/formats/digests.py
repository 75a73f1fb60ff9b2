"""Hash what a file holds."""

from __future__ import annotations

import hashlib
from pathlib import Path


def content_hash(file: Path) -> str:
    """Return the BLAKE2b hash of a file's content, 16 bytes in hexadecimal; raises OSError."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
