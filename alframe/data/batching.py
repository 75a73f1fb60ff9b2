"""Form training batches from the labels of the images. No image is read."""

from __future__ import annotations

import math

import numpy as np

from alframe.chunks import row_slices
from alframe.types import Ints


def shuffled_batches(y: Ints, size: int, rng: np.random.Generator) -> list[list[int]]:
    """Return all rows of `y` once, in random order, `size` at a time; a last batch of one joins the batch before it."""
    order = rng.permutation(len(y)).tolist()
    batches = [order[rows] for rows in row_slices(len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:  # batch normalisation and pairs both need two
        last = batches.pop()
        batches[-1] += last
    return batches


def balanced_batches(y: Ints, classes: int, samples: int, rng: np.random.Generator) -> list[list[int]]:
    """Return P x K batches (Hermans et al. 2017): P = `classes` random classes (or all), K = `samples` of each.

    If a class has fewer than K images, each is used once, and some are drawn again. An epoch has the number of batches
    that is needed to draw len(y) images, and at least one batch if there are labels.
    """
    class_rows = [np.flatnonzero(y == number) for number in np.unique(y)]
    if not class_rows:
        return []
    per_batch = min(classes, len(class_rows))
    batches = []
    for _ in range(math.ceil(len(y) / (per_batch * samples))):
        drawn = rng.permutation(len(class_rows))[:per_batch]
        batches.append([row for number in drawn for row in _draw_rows(class_rows[number], samples, rng)])
    return batches


def _draw_rows(rows: Ints, samples: int, rng: np.random.Generator) -> list[int]:
    first = rng.permutation(rows)[:samples]
    again = rng.choice(rows, samples - len(first))
    return [*first.tolist(), *again.tolist()]
