"""Find the images that look most like others: exact search over the reduced embeddings by FAISS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alframe.label_sources.web.server.errors import ApiError
from alframe.types import Floats

FoundImage = tuple[tuple[Any, ...], float]


class NeighbourSearch:
    """Searches the embeddings that were published last. Their file is mapped, not loaded into memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = ""
        self._loaded: tuple[str, Floats] | None = None

    def find_nearest(
        self, keys: Sequence[int], limit: int, allowed: Callable[[list[int]], Mapping[int, tuple[Any, ...]]]
    ) -> list[FoundImage]:
        """Return at most `limit` images that look most like the mean of the images with these keys, and their cosine.

        `allowed` gets keys and returns a row for each that may be in the result. The search goes on until there are
        `limit` rows. Raises ApiError while there are no embeddings.
        """
        vectors = self._load_vectors()
        query = vectors[[key for key in keys if key < len(vectors)]].mean(axis=0, keepdims=True, dtype=np.float64)
        length = np.linalg.norm(query)
        if not np.isfinite(length) or length == 0:
            raise ApiError("no_embeddings", "This image cannot be read, so no image can be compared with it.")
        query = (query / length).astype(np.float32)
        left_out, count = set(keys), min(len(vectors), 4 * limit + len(keys))
        while True:
            similarities, near = _nearest_vectors(query, vectors, count)
            candidates = [key for key in near.tolist() if key not in left_out]
            rows = allowed(candidates)
            if len(rows) >= limit or count == len(vectors):
                break
            count = min(len(vectors), 8 * count)
        similarity = dict(zip(near.tolist(), similarities.tolist(), strict=True))
        return [(rows[key], similarity[key]) for key in candidates if key in rows][:limit]

    def _load_vectors(self) -> Floats:
        if not self.file:
            raise ApiError("no_embeddings", "The images are not embedded yet. Look again after the first round.")
        if self._loaded is None or self._loaded[0] != self.file:
            self._loaded = self.file, np.load(self._folder / self.file, mmap_mode="r")
        return self._loaded[1]


def _nearest_vectors(query: Floats, vectors: Floats, count: int) -> tuple[Floats, np.ndarray[Any, np.dtype[np.int64]]]:
    import faiss  # not by the kit, which imports torch first: this process has none

    similarities, near = faiss.knn(query, np.asarray(vectors), count, metric=faiss.METRIC_INNER_PRODUCT)
    return similarities[0], near[0]
