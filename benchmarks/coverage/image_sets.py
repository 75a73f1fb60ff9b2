"""Populations of embeddings with known classes, from which each campaign draws its pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alframe.types import Floats, Ints
from benchmarks.head_quality import draw_long_tail

SHARES = (0.4, 0.25, 0.15, 0.1, 0.06, 0.04)  # of six unequal classes
KINDS = 3  # clusters a class
AXES = 64  # principal axes that real embeddings are projected on, so that heads are fitted fast
FRESH = 20_000  # new images by which the truth is measured, where any number can be made


@dataclass(frozen=True, slots=True)
class DrawnPool:
    """Embeddings (N, D), class numbers (N,) and sequences (N,) (-1 for none) of a pool, and of new images."""

    x: Floats
    y: Ints
    sequences: Ints
    new_x: Floats
    new_y: Ints


@dataclass(frozen=True, slots=True)
class Population:
    """A population. `draw(pool, rng)` returns a pool of this size (at most all images), and new images."""

    draw: Callable[[int, np.random.Generator], DrawnPool]


def made_population(dim: int = 32) -> Population:
    """Return overlapping clouds around centres, three for each of six unequal classes."""
    centres = np.random.default_rng(7).normal(size=(len(SHARES), KINDS, dim))

    def make(count: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
        y = rng.choice(len(SHARES), count, p=SHARES)
        noise = 1.6 * rng.standard_normal((count, dim))
        return (centres[y, rng.integers(KINDS, size=count)] + noise).astype(np.float32), y.astype(np.int64)

    def draw(pool: int, rng: np.random.Generator) -> DrawnPool:
        x, y = make(pool, rng)
        return DrawnPool(x, y, np.full(pool, -1), *make(FRESH, rng))

    return Population(draw)


def digits_population() -> Population:
    """Return the pixels of scikit-learn's 1,797 handwritten digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return _known_images(np.asarray(digits.data / 16, np.float32), np.asarray(digits.target, np.int64))


def file_population(file: Path, axes: int = AXES, long_tail: float = 1.0, whole_sequences: bool = False) -> Population:
    """Return the embeddings `x` (n, D), class numbers `y` (n,) and, if there are any, `sequence` (n,) of an .npz file.

    They are projected on so many principal `axes`; with 0, they do not change. With `long_tail`, each campaign draws
    images so that the most common class has so many times the images of the rarest class. With `whole_sequences`, no
    sequence is cut, so the new images are of other sequences than the pool.
    """
    from sklearn.decomposition import PCA

    with np.load(file) as arrays:
        x, y, names = arrays["x"], arrays["y"].astype(np.int64), arrays.get("sequence")
    if axes:
        x = PCA(min(axes, *x.shape), random_state=0).fit_transform(x)
    sequences = np.full(len(y), -1)
    if names is not None:
        _, numbers, counts = np.unique(names, return_inverse=True, return_counts=True)
        sequences = np.where(counts[numbers] > 1, numbers, -1)
    return _known_images(x.astype(np.float32), y, sequences, long_tail, whole_sequences)


def _known_images(
    x: Floats, y: Ints, sequences: Ints | None = None, long_tail: float = 1.0, whole_sequences: bool = False
) -> Population:
    """Return a population of these images. Images that are not in the pool of a campaign are its new images."""
    bursts = np.full(len(y), -1) if sequences is None else sequences
    groups = np.where(bursts < 0, bursts.max() + 1 + np.arange(len(y)), bursts)

    def draw(pool: int, rng: np.random.Generator) -> DrawnPool:
        rows = np.arange(len(y)) if long_tail <= 1 else draw_long_tail(y, np.arange(len(y)), long_tail, rng)
        order = rng.permutation(rows)
        if whole_sequences:
            order = order[np.argsort(rng.permutation(groups.max() + 1)[groups[order]], kind="stable")]
            ends = np.append(np.flatnonzero(np.diff(groups[order])) + 1, len(order))
            pool = int(ends[ends <= pool].max())
        inside, outside = order[:pool], order[pool:]
        return DrawnPool(x[inside], y[inside], bursts[inside], x[outside], y[outside])

    return Population(draw)
