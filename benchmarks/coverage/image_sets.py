"""Populations of embeddings with known classes, of which each campaign draws its pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alframe.types import Floats, Ints

SHARES = (0.4, 0.25, 0.15, 0.1, 0.06, 0.04)  # of six unequal classes
KINDS = 3  # clusters a class
AXES = 64  # principal axes that real embeddings are projected on, so that heads are fitted fast
FRESH = 20_000  # new images by which the truth is measured, where any number can be made


@dataclass(frozen=True, slots=True)
class Population:
    """`draw(pool, rng)` returns embeddings and classes of a pool of that size, and those of new images like it."""

    classes: int
    draw: Callable[[int, np.random.Generator], tuple[Floats, Ints, Floats, Ints]]


def made_population(dim: int = 32) -> Population:
    """Return clouds around centres, three for each of six unequal classes, which overlap."""
    centres = np.random.default_rng(7).normal(size=(len(SHARES), KINDS, dim))

    def make(count: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
        y = rng.choice(len(SHARES), count, p=SHARES)
        noise = 1.6 * rng.standard_normal((count, dim))
        return (centres[y, rng.integers(KINDS, size=count)] + noise).astype(np.float32), y.astype(np.int64)

    def draw(pool: int, rng: np.random.Generator) -> tuple[Floats, Ints, Floats, Ints]:
        return *make(pool, rng), *make(FRESH, rng)

    return Population(len(SHARES), draw)


def digits_population() -> Population:
    """Return the pixels of scikit-learn's 1,797 handwritten digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return _known_images(np.asarray(digits.data / 16, np.float32), np.asarray(digits.target, np.int64))


def file_population(file: Path) -> Population:
    """Return the embeddings `x` (n, D) and class numbers `y` (n,) of an .npz file, on their principal axes."""
    from sklearn.decomposition import PCA

    with np.load(file) as arrays:
        x, y = arrays["x"], arrays["y"].astype(np.int64)
    axes = PCA(min(AXES, *x.shape), random_state=0).fit_transform(x)
    return _known_images(axes.astype(np.float32), y)


def _known_images(x: Floats, y: Ints) -> Population:
    """Return a population of these images: those that are not in a campaign's pool are the new ones."""

    def draw(pool: int, rng: np.random.Generator) -> tuple[Floats, Ints, Floats, Ints]:
        order = rng.permutation(len(x))
        inside, outside = order[:pool], order[pool:]
        return x[inside], y[inside], x[outside], y[outside]

    return Population(int(y.max()) + 1, draw)
