"""Near-duplicates: images that show nearly the same are folded, and one of them stands for the others.

Groups are stars, as in leader clustering (Hartigan 1975, Clustering Algorithms, ch. 3): images come in a fixed order,
each joins the first earlier image that stands for a group and is near it, or else stands for a group of its own. So a
folded image is near the one that stands for it, and no two that stand for a group are near each other. Connected
components would do neither: a burst that changes slowly, or a day from dawn to noon, would become one chain whose ends
show quite different things. The order is that of the content hashes, which knows nothing of names and folders.

Near means: so few of the 64 bits of their difference hashes differ, and the cosine distance of their embeddings is so
small; or one of the two alone. See `near.py` for how the near ones are found without comparing all with all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe import seeding
from alframe.chunks import chunks
from alframe.engine.duplicates.duplicate_index import ByEmbedding, ByHash, Hashes, Mask, Near, cells
from alframe.progress import Bar
from alframe.settings import Duplicates
from alframe.types import Floats, Ints

COMPARED = 1024  # images at a time, each with all others of its chunk


def fold(
    duplicates: Duplicates, contents: Sequence[bytes | None], hashes: Hashes | None, features: Floats, fixed: Mask
) -> Ints:
    """For each of N images the position of the one that stands for it: its own where it is not folded.

    `contents` (N,) None, or a hash of what the file holds, without which an image is left out; `hashes` (N,) difference
    hashes, if they are looked at; `features` (N, D). The `fixed` (N,) ones stand for themselves whatever they are near
    to, and come first: what is near to one of them is folded into it.
    """
    order = _order(contents, fixed)
    leader = np.arange(len(contents), dtype=np.int64)
    parts = cells(features, order, seeding.integer_seed(0, "cells")) if duplicates.by == "embedding" else [order]
    with Bar("Folding near-duplicates", total=len(order), unit="img") as bar:
        for part in parts:
            near: Near
            if duplicates.uses_hash:
                assert hashes is not None
                compared = features if duplicates.uses_embedding else None
                near = ByHash(hashes, duplicates.bits, compared, duplicates.cosine)
            else:
                near = ByEmbedding(features, duplicates.cosine)
            first = int(fixed[part].sum())
            near.enter(part[:first])
            bar.advance(first)
            for chunk in chunks(len(part) - first, COMPARED):
                rows = part[first:][chunk]
                leader[rows] = _lead(rows, near)
                bar.advance(len(rows))
    return leader


def _order(contents: Sequence[bytes | None], fixed: Mask) -> Ints:
    """Positions of the images that have a content, the fixed ones first, then by content; copies by position."""
    there = np.flatnonzero([one is not None for one in contents])
    digests = np.array([contents[row] for row in there.tolist()], "S16")
    return there[np.lexsort((digests, ~fixed[there]))].astype(np.int64)


def _lead(rows: Ints, near: Near) -> Ints:
    """For each of these rows, the next in order, the one that stands for it; enters those that stand for a group."""
    leader, crowded = near.leaders(rows)
    left = np.flatnonzero((leader < 0) & ~crowded)
    leader = np.where(leader < 0, rows, leader)
    first, later = near.pairs(rows[left])
    folded = np.zeros(len(left), bool)
    starts = np.flatnonzero(np.diff(later, prepend=-1))
    # A loop over those alone that are near an earlier one of the same chunk.
    for at, firsts in zip(later[starts].tolist(), np.split(first, starts[1:]), strict=bool(len(starts))):
        standing = firsts[~folded[firsts]]
        if len(standing):
            folded[at] = True
            leader[left[at]] = rows[left[standing[0]]]
    near.enter(rows[left[~folded]])
    return leader


def pick_representatives(leader: Ints, free: Mask, closed: Mask, asked: Mask) -> Ints:
    """Keys of the `free` (N,) images that may be asked for: one of each group in which none is `closed` (N,).

    An image that was `asked` (N,) for before, in vain, is the one; else the one that stands for the group, or, if that
    has left the pool, the first that has not.
    """
    spoken = np.zeros(len(leader), bool)
    spoken[leader[closed]] = True
    keys = np.flatnonzero(free & ~spoken[leader])
    keys = keys[np.lexsort((leader[keys] != keys, ~asked[keys]))]
    _, first = np.unique(leader[keys], return_index=True)
    return np.sort(keys[first]).astype(np.int64)
