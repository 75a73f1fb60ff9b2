"""What samplers share: scores some rows at a time, taking the k best, and refusing numbers that are none."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from alframe.errors import UnmetNeed
from alframe.progress import track
from alframe.types import Floats, Ints, LazySamples, Selection

ROWS = 8192  # of the pool at a time: what is made on the way to the scores is never as large as the probabilities


def by_rows(score: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """The same score (n,) of probabilities (n, C) or samples of them (T, n, C), a part of the n at a time."""

    @wraps(score)
    def whole(probs: Floats) -> Floats:
        n = probs.shape[-2]
        return np.concatenate([score(probs[..., start : start + ROWS, :]) for start in range(0, max(n, 1), ROWS)])

    return whole


def of_draws(samples: LazySamples, score: Callable[[Floats], Floats]) -> Floats:
    """(n, ...) the score of `samples` (T, n, C), which are made a part at a time and not kept."""
    parts = track(samples.chunks(), "Comparing draws", unit="part")
    return np.concatenate([score(samples[part]) for part in parts])


def entropies(probs: Floats) -> Floats:
    """(...) nats of the last axis of `probs`; a probability of zero adds nothing."""
    # Several times faster than scipy's entr, which has no vector instructions.
    return np.asarray(-(probs * np.log(np.maximum(probs, np.finfo(probs.dtype).tiny))).sum(axis=-1))


def top(keys: Ints, scores: Floats, k: int, rng: np.random.Generator) -> Selection:
    """The k keys with the highest of `scores` (n,), highest first; ties are broken at random.

    In the pool's order, the first rows of a folder (one burst) would win every tie.
    """
    k = max(0, min(k, len(keys)))
    shuffled = rng.permutation(len(keys))
    if k < len(keys):
        shuffled = shuffled[np.argpartition(-scores[shuffled], k)[:k]]
    best = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    return Selection(keys[best], scores[best].astype(np.float32))


def require_finite(totals: Floats, sampler: str, what: str, whose: str = "unlabelled images") -> None:
    """Raise UnmetNeed, naming the sampler and counting the rows, unless each of `totals` (n,) is a finite number.

    The sum of a row is one: NaN and infinity survive addition, and no table of the pool's size is made.
    """
    bad = np.flatnonzero(~np.isfinite(totals))
    if len(bad):
        raise UnmetNeed(
            f"sampler '{sampler}' cannot rank: the {what} of {len(bad)} of {len(totals)} {whose} (first: row {bad[0]}) "
            "are not finite numbers. The training probably diverged: lower its learning rate, or use sampler=random."
        )
