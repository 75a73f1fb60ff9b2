"""Derive an independent random generator for every purpose and round from one seed.

A generator depends only on (seed, names), and not on earlier draws. So a resumed run draws the same numbers as an
uninterrupted run, and the state of a generator is never saved.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return an independent generator for this purpose, e.g. ``generator(seed, "sampler", round)``."""
    return np.random.default_rng(_sequence(seed, names))


def integer_seed(seed: int, *names: str | int) -> int:
    """Return a seed in 0..2**31-1, independent for this purpose, for libraries that take an integer."""
    return int(_sequence(seed, names).generate_state(1)[0] >> 1)


def _sequence(seed: int, names: tuple[str | int, ...]) -> np.random.SeedSequence:
    # A digest, not hash(): that one differs from process to process.
    digest = hashlib.blake2b("\0".join(map(str, names)).encode(), digest_size=16).digest()
    return np.random.SeedSequence([seed, *map(int, np.frombuffer(digest, dtype="<u4"))])
