"""Embeddings on disk: memory-mapped shards, keyed by the network's fingerprint and the images' content.

A shard is a pair of files named after what it holds, ``<digest>.npy`` (n, D) float32 and ``<digest>.keys.npy``
(n, 16) bytes: the content hashes. The keys are written last, so a shard with keys is whole; a kill costs one shard.

The last bits of an embedding depend on the batch that it was computed in, so a content is stored once and never again:
whoever adds holds the folder's lock and first takes up what others have added. Should two shards have the same content
all the same (where locks do not work), the one whose name sorts first counts from the next opening on.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alframe.errors import StoreError
from alframe.store.files import replacing
from alframe.types import Floats

log = logging.getLogger(__name__)

# NumPy orders byte strings but not void. Trailing zero bytes are dropped alike on both sides of a comparison.
KEY = np.dtype("S16")
Keys = npt.NDArray[np.bytes_]


class FeatureStore:
    """All embeddings of one fingerprint. A shard that is not whole is removed: it costs computing it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shards: list[Path] = []  # not open: a process may open few files at once
        self._seen: set[Path] = set()
        self._keys = np.empty(0, KEY)  # sorted
        self._where = np.empty((0, 2), np.int64)  # shard and row of each key
        self.width = 0  # D; 0 while nothing is stored
        self._take_up(folder.glob("*.keys.npy"))

    def has(self, contents: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """(n,) whether each content's embedding is stored."""
        return self._find(as_keys(contents)) >= 0

    def add(self, contents: Sequence[bytes], features: Floats) -> None:
        """Store `features` (n, D) of those `contents` that are not stored yet, as one shard."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            self._take_up(self.folder.glob("*.keys.npy"))
            keys = as_keys(contents)
            first = np.sort(np.unique(keys, return_index=True)[1])
            new = first[self._find(keys[first]) < 0]
            if not len(new):
                return
            keys, values = keys[new], np.ascontiguousarray(features[new], np.float32)
            digest = hashlib.blake2b(keys.tobytes() + values.tobytes(), digest_size=12).hexdigest()
            keys_file = self.folder / f"{digest}.keys.npy"
            for file, array in ((_features_of(keys_file), values), (keys_file, keys.view(np.uint8).reshape(-1, 16))):
                with replacing(file) as temporary, temporary.open("wb") as handle:
                    np.save(handle, array)
            self._take_up([keys_file])

    def gather(self, contents: Sequence[bytes], out: Floats | None = None) -> Floats:
        """(n, D) embeddings of `contents`, all of which must be stored; written to `out` (n, D) float32 if given."""
        places = self._find(as_keys(contents))
        if (places < 0).any():
            raise KeyError(f"{(places < 0).sum()} of {len(places)} contents are not stored")
        shards, rows = self._where[places].T
        if out is None:
            out = np.empty((len(places), self.width), np.float32)
        order = np.lexsort((rows, shards))
        for part in np.split(order, np.flatnonzero(np.diff(shards[order])) + 1) if len(order) else ():
            file = self._shards[shards[part[0]]]
            try:
                out[part] = np.load(file, mmap_mode="r")[rows[part]]
            except (OSError, ValueError) as error:
                raise StoreError(
                    f"{file} has been removed or damaged since this run began ({error}). Run the same command again: "
                    f"what is missing is computed again."
                ) from error
        return out

    def _take_up(self, files: Iterable[Path]) -> None:
        """Enter the shards of these keys files that are not entered yet."""
        keys, where = [np.empty(0, KEY)], [np.empty((0, 2), np.int64)]
        for file in sorted(set(files) - self._seen):
            self._seen.add(file)
            if (found := self._load(file)) is not None:
                keys.append(found)
                where.append(np.stack([np.full(len(found), len(self._shards)), np.arange(len(found))], axis=1))
                self._shards.append(_features_of(file))
        unique, first = np.unique(np.concatenate(keys), return_index=True)
        new = self._find(unique) < 0
        unique, first = unique[new], first[new]
        # Inserted rather than sorted anew: with many shards that is the difference between milliseconds and minutes.
        places = np.searchsorted(self._keys, unique)
        self._keys = np.insert(self._keys, places, unique)
        self._where = np.insert(self._where, places, np.concatenate(where)[first], axis=0)

    def _load(self, keys_file: Path) -> Keys | None:
        features = _features_of(keys_file)
        try:
            keys = np.load(keys_file)
            rows, width = _whole_shape(features)
            if keys.dtype != np.uint8 or keys.shape != (rows, KEY.itemsize) or width != (self.width or width):
                raise ValueError(f"{keys.shape} keys for ({rows}, {width}) features")
        except (FileNotFoundError, EOFError, ValueError) as error:
            log.warning("%s is damaged (%s); it is removed, and its images are embedded again.", features, error)
            self._seen.discard(keys_file)
            keys_file.unlink(missing_ok=True)
            features.unlink(missing_ok=True)
            return None
        self.width = width
        whole: Keys = keys.view(KEY).reshape(-1)
        return whole

    def _find(self, wanted: Keys) -> npt.NDArray[np.int64]:
        """(n,) place of each in the sorted keys, -1 for one that is not among them."""
        if not len(self._keys):
            return np.full(len(wanted), -1)
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return np.where(self._keys[places] == wanted, places, -1)


def as_keys(contents: Sequence[bytes]) -> Keys:
    """(n,) 16-byte keys."""
    return np.frombuffer(b"".join(contents), KEY)


def _features_of(keys_file: Path) -> Path:
    return keys_file.with_name(keys_file.name.replace(".keys", ""))


def _whole_shape(file: Path) -> tuple[int, int]:
    """The shape that the header says; ValueError if the file is shorter or longer than that, or no float32 matrix."""
    with file.open("rb") as handle:
        np.lib.format.read_magic(handle)
        shape, _, dtype = np.lib.format.read_array_header_1_0(handle)
        size = handle.tell() + math.prod(shape) * dtype.itemsize
    if dtype != np.float32 or len(shape) != 2 or size != file.stat().st_size:
        raise ValueError(f"{file.stat().st_size:,} bytes, not the {size:,} of {dtype} {shape}")
    return shape[0], shape[1]
