"""Embeddings on disk: memory-mapped shards, keyed by the network's fingerprint and the images' content.

A shard is a pair of files named after what it holds, ``<digest>.npy`` (n, D) float32 and ``<digest>.keys.npy``
(n, 16) bytes: the content hashes. The keys are written last, so a shard with keys is whole; a kill costs one shard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alframe.store.files import replacing
from alframe.types import Floats

KEY = np.dtype("V16")


class FeatureStore:
    """All embeddings of one fingerprint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shards: list[Floats] = []
        self._keys = np.empty(0, KEY)  # sorted
        self._where = np.empty((0, 2), np.int64)  # shard and row of each key
        self._sorted = True
        for keys in sorted(folder.glob("*.keys.npy")):
            self._enter(keys)

    def has(self, contents: Sequence[bytes]) -> npt.NDArray[np.bool_]:
        """(n,) whether each content's embedding is stored."""
        wanted = as_keys(contents)
        if not len(self._keys):
            return np.zeros(len(wanted), bool)
        places = self._find(wanted)
        found: npt.NDArray[np.bool_] = self._keys[places] == wanted
        return found

    def add(self, contents: Sequence[bytes], features: Floats) -> None:
        """Store `features` (n, D) for `contents`, as one shard; doing it again changes nothing."""
        if not len(contents):
            return
        keys = as_keys(contents)
        digest = hashlib.blake2b(keys.tobytes(), digest_size=12).hexdigest()
        for name, array in ((f"{digest}.npy", features), (f"{digest}.keys.npy", keys.view(np.uint8).reshape(-1, 16))):
            with replacing(self.folder / name) as temporary, temporary.open("wb") as handle:
                np.save(handle, np.ascontiguousarray(array))
        self._enter(self.folder / f"{digest}.keys.npy")

    def gather(self, contents: Sequence[bytes]) -> Floats:
        """(n, D) embeddings of `contents`, all of which must be stored."""
        places = self._find(as_keys(contents))
        where = self._where[places]
        width = self._shards[0].shape[1] if self._shards else 0
        out = np.empty((len(where), width), np.float32)
        for shard in np.unique(where[:, 0]):
            rows = where[:, 0] == shard
            out[rows] = self._shards[shard][where[rows, 1]]
        return out

    def _enter(self, keys_file: Path) -> None:
        keys = np.load(keys_file).view(KEY).reshape(-1)
        self._shards.append(np.load(keys_file.with_name(keys_file.name.replace(".keys", "")), mmap_mode="r"))
        place = np.stack([np.full(len(keys), len(self._shards) - 1), np.arange(len(keys))], axis=1)
        self._keys = np.concatenate([self._keys, keys])
        self._where = np.concatenate([self._where, place])
        self._sorted = False

    def _find(self, wanted: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
        if not self._sorted:
            order = np.argsort(_comparable(self._keys), kind="stable")
            self._keys, self._where, self._sorted = self._keys[order], self._where[order], True
        places = np.searchsorted(_comparable(self._keys), _comparable(wanted))
        return np.minimum(places, len(self._keys) - 1)


def as_keys(contents: Sequence[bytes]) -> npt.NDArray[np.void]:
    """(n,) 16-byte keys."""
    return np.frombuffer(b"".join(contents), KEY)


def _comparable(keys: npt.NDArray[np.void]) -> npt.NDArray[np.bytes_]:
    # NumPy orders byte strings but not void; a trailing zero byte is dropped alike on both sides of a comparison.
    return keys.view("S16")
