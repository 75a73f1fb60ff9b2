"""Read and write files: atomic replacement, names that are valid on every file system, hashes, and JSON."""

from __future__ import annotations

import hashlib
from pathlib import Path

from alframe.drives import is_drive_failure, try_again
from alframe.formats.json_members import id_text, read_json_members
from alframe.store.files import (
    TEMPORARY_CHARACTERS,
    is_junction,
    link_or_copy,
    make_hard_link,
    replace_atomically,
    replace_file,
    require_free_space,
    write_json,
    write_text,
)
from alframe.store.names import class_folder_name, flat_file_name, is_system_file, ranked_file_name

__all__ = [
    "TEMPORARY_CHARACTERS",
    "class_folder_name",
    "content_hash",
    "flat_file_name",
    "hash_if_readable",
    "id_text",
    "is_drive_failure",
    "is_junction",
    "is_system_file",
    "link_or_copy",
    "make_hard_link",
    "ranked_file_name",
    "read_json_members",
    "replace_atomically",
    "replace_file",
    "require_free_space",
    "try_again",
    "write_json",
    "write_text",
]


def content_hash(file: Path) -> str:
    """Return the BLAKE2b hash of a file's content: 16 bytes in hexadecimal. Raises OSError."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def hash_if_readable(file: Path) -> str | None:
    """Return the content hash of a file, or None if the file cannot be read."""
    try:
        return content_hash(file)
    except OSError:  # gone, a broken link, or held by another program
        return None
