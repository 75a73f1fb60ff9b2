"""Embeddings on disk: memory-mapped shards, by the network's fingerprint and the images' content.

A shard is a pair of files: ``<digest>.npy`` (n, D) float32 with the embeddings, and ``<digest>.keys.npy`` (n, 16) bytes
with the content hashes. The hashes are written last, so a shard with hashes is complete, and a kill loses one shard.
The digest in the name is the shard's checksum: when a file is new or has changed, it is read and compared.

The last bits of an embedding depend on its batch, so a content is stored only once. To add embeddings, a process takes
the folder's lock, and first reads the shards that others have added. If two shards have the same content nevertheless
(because locks do not work), the shard whose name is first in the alphabet counts from the next opening on.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alframe.errors import StoreError
from alframe.store.files import clean_up_after_killed_writers, remove_file, replace_atomically
from alframe.store.verified_files import VerifiedFiles
from alframe.types import Bools, Floats, Ints

log = logging.getLogger(__name__)

# NumPy orders byte strings but not void. Trailing zero bytes are dropped alike on both sides of a comparison.
HASH_TYPE = np.dtype("S16")
ContentHashes = npt.NDArray[np.bytes_]
MAX_NORM = 1e16  # so that squared distances, and sums of many of them, do not overflow float32


class FeatureStore:
    """All embeddings of one fingerprint. An incomplete shard is removed, and computed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shards: list[Path] = []  # not open: a process may open few files at once
        self._seen: set[Path] = set()
        self._hashes = np.empty(0, HASH_TYPE)  # sorted
        self._locations = np.empty((0, 2), np.int64)  # shard and row of each hash
        self.width = 0  # D; 0 while nothing is stored
        self._verified = VerifiedFiles(folder)
        self._is_cleared = False  # of what killed runs have left
        self._load_shards(folder.glob("*.keys.npy"))

    def which_are_stored(self, contents: Sequence[bytes]) -> Bools:
        """Return (n,) whether the embedding of each content hash is stored."""
        return self._find(to_hash_array(contents)) >= 0

    def add(self, contents: Sequence[bytes], features: Floats) -> Bools:
        """Store `features` (n, D) of those content hashes that are not stored yet, as one shard.

        Return (n,) which rows are finite and shorter than MAX_NORM. The others are never stored. Only this method
        checks this.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        usable = _is_usable(features)
        with FileLock(self.folder / ".lock"):
            if not self._is_cleared:
                clean_up_after_killed_writers(self.folder)
                self._is_cleared = True
            self._load_shards(self.folder.glob("*.keys.npy"))
            hashes = to_hash_array(contents)
            first = np.sort(np.unique(hashes, return_index=True)[1])
            new = first[(self._find(hashes[first]) < 0) & usable[first]]
            if len(new):
                keys_file = _write_shard(self.folder, hashes[new], features[new])
                self._verified.note_verified(keys_file, _features_file(keys_file))
                self._load_shards([keys_file])
        return usable

    def gather(self, contents: Sequence[bytes]) -> Floats:
        """Return (n, D) the embeddings of these content hashes. Raises KeyError if one of them is not stored."""
        positions = self._find(to_hash_array(contents))
        if (positions < 0).any():
            raise KeyError(f"{(positions < 0).sum()} of {len(positions)} contents are not stored")
        shards, rows = self._locations[positions].T
        out = np.empty((len(positions), self.width), np.float32)
        order = np.lexsort((rows, shards))
        for same_shard in np.split(order, np.flatnonzero(np.diff(shards[order])) + 1) if len(order) else ():
            file = self._shards[shards[same_shard[0]]]
            try:
                out[same_shard] = np.load(file, mmap_mode="r")[rows[same_shard]]
            except (OSError, ValueError) as error:
                raise StoreError(
                    f"{file} has been removed or damaged since this run began ({error}). Run the same command again: "
                    f"the missing features are computed again."
                ) from error
        return out

    def _load_shards(self, keys_files: Iterable[Path]) -> None:
        """Register the shards of these keys files that are not known yet."""
        hashes, locations = [to_hash_array([])], [np.empty((0, 2), np.int64)]
        for file in sorted(set(keys_files) - self._seen):
            self._seen.add(file)
            if (shard_hashes := self._load_or_remove_shard(file)) is not None:
                rows = np.arange(len(shard_hashes))
                hashes.append(shard_hashes)
                locations.append(np.stack([np.full(len(rows), len(self._shards)), rows], axis=1))
                self._shards.append(_features_file(file))
        unique, first = np.unique(np.concatenate(hashes), return_index=True)
        is_new = self._find(unique) < 0
        unique, first = unique[is_new], first[is_new]
        # Inserted rather than sorted again: with many shards that is the difference between milliseconds and minutes.
        positions = np.searchsorted(self._hashes, unique)
        self._hashes = np.insert(self._hashes, positions, unique)
        self._locations = np.insert(self._locations, positions, np.concatenate(locations)[first], axis=0)

    def _load_or_remove_shard(self, keys_file: Path) -> ContentHashes | None:
        features_file = _features_file(keys_file)
        try:
            hashes = load_hashes(keys_file)
            rows, width = _read_shape(features_file)
            if len(hashes) != rows or width != (self.width or width):
                raise ValueError(f"{len(hashes)} content hashes for ({rows}, {width}) features")
            self._verify_checksum(keys_file, hashes)
        except (FileNotFoundError, EOFError, ValueError) as error:
            log.warning("%s is damaged (%s); it is removed, and its images are embedded again.", features_file, error)
            self._seen.discard(keys_file)
            _remove_shard(keys_file)
            return None
        self.width = width
        return hashes

    def _verify_checksum(self, keys_file: Path, hashes: ContentHashes) -> None:
        """Raise ValueError if the content of a new or changed shard does not fit the digest in its name."""
        features_file = _features_file(keys_file)
        if self._verified.are_unchanged(keys_file, features_file):
            return
        if _digest(hashes, np.load(features_file, mmap_mode="r")) != features_file.stem:
            raise ValueError("its checksum is wrong")
        self._verified.note_verified(keys_file, features_file)

    def _find(self, hashes: ContentHashes) -> Ints:
        """Return (n,) the position of each hash in the sorted hashes, or -1."""
        if not len(self._hashes):
            return np.full(len(hashes), -1)
        positions = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        return np.where(self._hashes[positions] == hashes, positions, -1)


def to_hash_array(contents: Sequence[bytes]) -> ContentHashes:
    """Return content hashes as an array (n,) of 16 bytes each."""
    return np.frombuffer(b"".join(contents), HASH_TYPE)


def save_array(file: Path, array: npt.NDArray[np.generic]) -> None:
    """Replace `file` by the array, in NumPy's format; content hashes (n,) are stored as (n, 16) bytes."""
    if array.dtype == HASH_TYPE:
        array = array.view(np.uint8).reshape(-1, HASH_TYPE.itemsize)
    with replace_atomically(file) as temporary, temporary.open("wb") as handle:
        np.save(handle, array)


def load_hashes(file: Path) -> ContentHashes:
    """Return the content hashes (n,) of a file. Raises OSError, EOFError or ValueError if it is damaged."""
    rows, width = _read_shape(file, np.uint8)
    if width != HASH_TYPE.itemsize:
        raise ValueError(f"({rows}, {width}) bytes where content hashes should be")
    hashes: ContentHashes = np.load(file).view(HASH_TYPE).reshape(-1)
    return hashes


def _write_shard(folder: Path, hashes: ContentHashes, features: Floats) -> Path:
    """Write a shard of `features` (n, D) and their `hashes` (n,); return its keys file."""
    values = np.ascontiguousarray(features, np.float32)
    keys_file = folder / f"{_digest(hashes, values)}.keys.npy"
    save_array(_features_file(keys_file), values)
    save_array(keys_file, hashes)
    return keys_file


def _digest(hashes: ContentHashes, features: Floats) -> str:
    digest = hashlib.blake2b(hashes.tobytes(), digest_size=12)
    digest.update(np.ascontiguousarray(features).data)
    return digest.hexdigest()


def _remove_shard(keys_file: Path) -> None:
    # The keys last, by which it is found again where Windows refuses because another run has it mapped.
    with suppress(OSError):
        remove_file(_features_file(keys_file))
        remove_file(keys_file)


def _is_usable(features: Floats) -> Bools:
    """Return (n,) whether each row of `features` (n, D) is finite and not longer than MAX_NORM."""
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that the comparison refuses
        squared_lengths = np.einsum("ij,ij->i", features, features, dtype=np.float32, casting="same_kind")
        return np.asarray(squared_lengths <= MAX_NORM**2)


def _features_file(keys_file: Path) -> Path:
    return keys_file.with_name(keys_file.name.replace(".keys", ""))


def _read_shape(file: Path, dtype: type[np.generic] = np.float32) -> tuple[int, int]:
    """Return the shape in the header; ValueError if the length of the file or the type of the array does not fit."""
    with file.open("rb") as handle:
        np.lib.format.read_magic(handle)
        shape, _, stored = np.lib.format.read_array_header_1_0(handle)
        size = handle.tell() + math.prod(shape) * stored.itemsize
    if stored != dtype or len(shape) != 2 or size != file.stat().st_size:
        raise ValueError(f"{file.stat().st_size:,} bytes, not the {size:,} of {stored} {shape}")
    return shape[0], shape[1]
