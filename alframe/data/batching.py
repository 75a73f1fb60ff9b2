"""Which labelled images go into a training batch together; labels alone decide, no image is read."""

from __future__ import annotations

import math

import numpy as np

from alframe.types import Ints


def shuffled(y: Ints, size: int, rng: np.random.Generator) -> list[list[int]]:
    """All rows of `y` once, in random order, `size` at a time.

    A last batch of one joins the batch before it: batch normalisation and pairs both need two.
    """
    order = rng.permutation(len(y)).tolist()
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches


def balanced(y: Ints, classes: int, samples: int, rng: np.random.Generator) -> list[list[int]]:
    """P x K batches (Hermans et al. 2017): P = `classes` random classes (or all, if fewer), K = `samples` of each.

    A class with fewer than K images gives each once and fills up by drawing again. An epoch is as many batches as
    it takes to draw len(y) images, so at least one when there are labels.
    """
    members = [np.flatnonzero(y == number) for number in np.unique(y)]
    if not members:
        return []
    per_batch = min(classes, len(members))
    return [
        [row for one in rng.permutation(len(members))[:per_batch] for row in _draw(members[one], samples, rng)]
        for _ in range(math.ceil(len(y) / (per_batch * samples)))
    ]


def _draw(rows: Ints, samples: int, rng: np.random.Generator) -> list[int]:
    first = rng.permutation(rows)[:samples]
    again = rng.choice(rows, samples - len(first))
    chosen: list[int] = np.concatenate([first, again]).tolist()
    return chosen
