"""The embeddings of a whole pool in the order of the pool: in memory, or for a large pool in one mapped file.

Such a file has two parts: ``<name>.f32`` (n, D) with raw float32, and ``<name>.keys`` (n, 16) with the content hashes
in NumPy's format. The hashes are written last, and rows without hashes do not count. The file is written once, and is
extended when the pool grows. Runs of the same pool share it, also at the same time, because rows with hashes never
change. ``<name>.sums`` has a checksum of the rows of each addition; files of earlier versions have none.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np
from filelock import FileLock

from alframe.chunks import row_slices
from alframe.errors import StoreError
from alframe.progress import Bar, format_bytes
from alframe.store.features import HASH_TYPE, ContentHashes, FeatureStore, load_hashes, save_array, to_hash_array
from alframe.store.files import clean_up_after_killed_writers, require_free_space, write_json
from alframe.store.verified_files import VerifiedFiles
from alframe.types import Floats

log = logging.getLogger(__name__)

MAPPED_BYTES = 2**28  # features of more bytes stay on the disk
POOLS_FOLDER = "pools"  # below the store's own
NO_CONTENT = bytes(HASH_TYPE.itemsize)


def gather_pool_features(store: FeatureStore, contents: Sequence[bytes | None]) -> Floats:
    """Return (n, D) the embeddings of content hashes, zeros for None; read-only if mapped. Raises StoreError."""
    if len(contents) * store.width * 4 > MAPPED_BYTES:
        return _map_updated_pool_file(store, contents)
    return _gather_rows(store, contents)


def _gather_rows(store: FeatureStore, contents: Sequence[bytes | None]) -> Floats:
    rows = store.gather([content for content in contents if content is not None])
    if len(rows) == len(contents):
        return rows
    out = np.zeros((len(contents), store.width), np.float32)
    out[[content is not None for content in contents]] = rows
    return out


def _map_updated_pool_file(store: FeatureStore, contents: Sequence[bytes | None]) -> Floats:
    folder = store.folder / POOLS_FOLDER
    folder.mkdir(exist_ok=True)
    hashes = to_hash_array([NO_CONTENT if content is None else content for content in contents])
    with FileLock(folder / ".lock"):
        clean_up_after_killed_writers(folder)
        file, count = _find_pool_file_removing_stale(folder, hashes, store.width)
        if count < len(hashes):
            checksum = _append_rows_and_checksum(file, store, contents, count)
            if not count or file.with_suffix(".sums").exists():
                parts = [*(part for part in _load_checksums(file) if part[0] <= count), (len(hashes), checksum)]
                write_json(file.with_suffix(".sums"), parts)
            VerifiedFiles(folder).note_verified(file)
            save_array(file.with_suffix(".keys"), hashes)
    # A plain array: a memmap's slices are slow, each being a memmap again.
    return np.asarray(np.memmap(file, np.float32, "r", shape=(len(hashes), store.width)))


def _find_pool_file_removing_stale(folder: Path, hashes: ContentHashes, width: int) -> tuple[Path, int]:
    """Return the file that begins with the first of the `hashes`, and their number; or a new name and 0.

    A file that has most of the hashes in other places belongs to an earlier state of this pool, and is removed.
    """
    verified = VerifiedFiles(folder)
    for keys_file in sorted(folder.glob("*.keys")):
        file = keys_file.with_suffix(".f32")
        try:
            file_hashes = load_hashes(keys_file)
            if file.stat().st_size < len(file_hashes) * width * 4:
                raise ValueError(f"too few rows for {len(file_hashes)} hashes")
            if not verified.are_unchanged(file):
                _require_right_checksums(file, len(file_hashes), width)
                verified.note_verified(file)
        except (OSError, EOFError, ValueError) as error:
            log.warning("%s is damaged (%s); it is built again.", file, error)
            _remove_pool_file(file)
            continue
        shared = min(len(file_hashes), len(hashes))
        equal = int((file_hashes[:shared] == hashes[:shared]).sum())
        if equal == shared:
            return file, shared
        if 2 * equal > shared:
            _remove_pool_file(file)
    digest = hashlib.blake2b(hashes.tobytes(), digest_size=12).hexdigest()
    names = chain([digest], (f"{digest}-{number}" for number in itertools.count(2)))
    return next(file for name in names if _remove_pool_file(file := folder / f"{name}.f32")), 0


def _load_checksums(file: Path) -> list[tuple[int, str]]:
    """Return the end and the checksum of each part that was added to the file; none for files of an earlier version."""
    try:
        parts = json.loads(file.with_suffix(".sums").read_text(encoding="utf-8"))
        return [(int(stop), str(checksum)) for stop, checksum in parts]
    except FileNotFoundError:
        return []
    except (TypeError, RecursionError) as error:
        raise ValueError(f"its checksums cannot be read: {error}") from error


def _require_right_checksums(file: Path, count: int, width: int) -> None:
    """Raise ValueError if the checksums of the first `count` rows are wrong, as far as there are checksums."""
    with file.open("rb") as handle:
        start = 0
        for stop, expected in _load_checksums(file):
            if stop > count:  # of rows that were never finished
                return
            digest = hashlib.blake2b(digest_size=16)
            for rows in row_slices(stop - start):
                digest.update(handle.read((rows.stop - rows.start) * width * 4))
            if digest.hexdigest() != expected:
                raise ValueError("its checksum is wrong")
            start = stop


def _append_rows_and_checksum(file: Path, store: FeatureStore, contents: Sequence[bytes | None], count: int) -> str:
    """Write the rows after the first `count` of the contents; return their checksum."""
    missing, digest = contents[count:], hashlib.blake2b(digest_size=16)
    needed = len(missing) * store.width * 4
    try:
        require_free_space(file.parent, needed)
        with (
            file.open("r+b" if count else "wb") as handle,
            Bar("Gathering embeddings", total=len(missing), unit="img") as bar,
        ):
            handle.seek(count * store.width * 4)
            for chunk in row_slices(len(missing)):
                rows = np.ascontiguousarray(_gather_rows(store, missing[chunk])).data
                digest.update(rows)
                size = handle.write(rows)
                bar.advance(chunk.stop - chunk.start, read=size, written=size)
            handle.flush()
            os.fsync(handle.fileno())
        return digest.hexdigest()
    except OSError as error:
        raise StoreError(
            f"{file} cannot be written: {error.strerror or error}. Beside the embeddings it needs "
            f"{format_bytes(needed)} more: free that space, or choose another folder with runs=FOLDER."
        ) from error


def _remove_pool_file(file: Path) -> bool:
    """Remove a file of embeddings; return whether it is gone."""
    # Windows refuses while another run has it mapped. By its keys, which are removed last, the next one finds it again.
    with suppress(OSError):
        for path in (file, file.with_suffix(".sums"), file.with_suffix(".keys")):
            path.unlink(missing_ok=True)
    return not file.exists()
