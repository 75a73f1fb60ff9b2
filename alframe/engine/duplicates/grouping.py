"""Near-duplicates: images that show nearly the same form a group, and one image per group is requested.

Groups are formed by leader clustering (Hartigan 1975, Clustering Algorithms, ch. 3). Images are processed in the order
of their content hashes. Each joins the first earlier representative that is near, or else becomes the representative of
a new group. Connected components would join a burst that changes slowly, or a day from dawn to noon, into one group
whose first and last images show different things.

Two images are near, depending on `duplicates.by`, if few of the 64 bits of their difference hashes differ, if the
cosine distance of their embeddings is small, or if both hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe import seeding
from alframe.chunks import row_slices
from alframe.engine.duplicates.duplicate_index import EmbeddingIndex, Hashes, HashIndex, cluster_into_cells
from alframe.progress import Bar
from alframe.settings import Duplicates
from alframe.types import Bools, Floats, Ints

CHUNK_ROWS = 1024  # images at a time, each compared with all others of its chunk


def group_duplicates(
    settings: Duplicates,
    content_hashes: Sequence[bytes | None],
    hashes: Hashes | None,
    features: Floats,
    is_fixed: Bools,
) -> Ints:
    """Return for each of N images the position of its group's representative, which may be the image itself.

    An image without a content hash (N,) is in no group. `hashes` (N,) are the difference hashes, if they are compared;
    `features` is (N, D). Images with `is_fixed` (N,) are processed first, and are always representatives. Other images
    may join their groups.
    """
    order = _processing_order(content_hashes, is_fixed)
    representatives = np.arange(len(content_hashes), dtype=np.int64)
    by_embedding = settings.by == "embedding"
    cells = cluster_into_cells(features, order, seeding.integer_seed(0, "cells")) if by_embedding else [order]
    with Bar("Looking for near-duplicates", total=len(order), unit="img") as bar:
        for cell in cells:
            index: HashIndex | EmbeddingIndex
            if settings.uses_hash:
                assert hashes is not None
                compared = features if settings.uses_embedding else None
                index = HashIndex(hashes, settings.bits, compared, settings.cosine)
            else:
                index = EmbeddingIndex(features, settings.cosine)
            start = int(is_fixed[cell].sum())
            index.add(cell[:start])
            bar.advance(start)
            for chunk in row_slices(len(cell) - start, CHUNK_ROWS):
                rows = cell[start:][chunk]
                representatives[rows] = _assign_representatives(rows, index)
                bar.advance(len(rows))
    return representatives


def _processing_order(content_hashes: Sequence[bytes | None], is_fixed: Bools) -> Ints:
    """Return positions of the images with content: `is_fixed` first, then by content; copies by position."""
    has_content = np.flatnonzero([content is not None for content in content_hashes])
    digests = np.array([content_hashes[row] for row in has_content.tolist()], "S16")
    return has_content[np.lexsort((digests, ~is_fixed[has_content]))].astype(np.int64)


def _assign_representatives(rows: Ints, index: HashIndex | EmbeddingIndex) -> Ints:
    """Return the representatives of these rows, which are next in order, and add new representatives to the index."""
    representatives, crowded = index.find_representatives(rows)
    unmatched = np.flatnonzero((representatives < 0) & ~crowded)
    representatives = np.where(representatives < 0, rows, representatives)
    earlier, later = index.find_pairs(rows[unmatched])
    joined = np.zeros(len(unmatched), bool)
    starts = np.flatnonzero(np.diff(later, prepend=-1))
    # A loop over those alone that are near an earlier one of the same chunk.
    for position, near in zip(later[starts].tolist(), np.split(earlier, starts[1:]), strict=bool(len(starts))):
        candidates = near[~joined[near]]
        if len(candidates):
            joined[position] = True
            representatives[unmatched[position]] = rows[unmatched[candidates[0]]]
    index.add(rows[unmatched[~joined]])
    return representatives


def pick_representatives(representatives: Ints, is_eligible: Bools, bars_group: Bools, was_asked: Bools) -> Ints:
    """Return the keys that may be requested: one image with `is_eligible` (N,) of each group.

    A group with an image for which `bars_group` (N,) is true has none. If an image of the group `was_asked` (N,)
    without an answer, it is this image; else the representative or, if it has left the pool, the first other image.
    """
    settled = np.zeros(len(representatives), bool)
    settled[representatives[bars_group]] = True
    keys = np.flatnonzero(is_eligible & ~settled[representatives])
    keys = keys[np.lexsort((representatives[keys] != keys, ~was_asked[keys]))]
    _, first = np.unique(representatives[keys], return_index=True)
    return np.sort(keys[first]).astype(np.int64)
