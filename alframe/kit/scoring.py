"""Score the pool in chunks, take the k highest scores, and refuse numbers that are not finite."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from alframe.chunks import row_slices
from alframe.errors import UnmetNeed
from alframe.progress import track
from alframe.types import Floats, Ints, LazySamples, Selection

SQUARED_LENGTH_HEADROOM = 1e6  # squared lengths may grow by so much while they are added up


def scored_in_chunks(score: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """Decorate a function from probabilities (n, C) or (T, n, C) to scores (n,), so that it runs on chunks of n."""

    @wraps(score)
    def score_all(probs: Floats) -> Floats:
        return np.concatenate([score(probs[..., rows, :]) for rows in row_slices(max(probs.shape[-2], 1))])

    return score_all


def score_prob_samples(samples: LazySamples, score: Callable[[Floats], Floats]) -> Floats:
    """Return the `score` (n, ...) of `samples` (T, n, C), which are drawn chunk by chunk and not kept."""
    return np.concatenate(
        [score(samples[rows]) for rows in track(samples.row_slices(), "Comparing draws", unit="chunk")]
    )


def shannon_entropy(probs: Floats) -> Floats:
    """Return the entropy (...) in nats over the last axis of `probs` (..., C). Zero probabilities are allowed."""
    # Several times faster than scipy's entr, which has no vector instructions.
    return np.asarray(-(probs * np.log(np.maximum(probs, np.finfo(probs.dtype).tiny))).sum(axis=-1))


def select_top_k(keys: Ints, scores: Floats, k: int, rng: np.random.Generator) -> Selection:
    """Return the k of `keys` (n,) with the highest `scores` (n,), highest first. Equal scores are in random order.

    If equal scores kept the order of the pool, the first images of a folder (one burst) would always be chosen. If
    there are fewer than k keys, all are selected. Raises UnmetNeed for scores that are not finite.
    """
    require_finite(scores, "scores")
    k = min(k, len(keys))
    shuffled = rng.permutation(len(keys))
    if k < len(keys):
        shuffled = shuffled[np.argpartition(-scores[shuffled], k)[:k]]
    best = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    return Selection(keys[best], scores[best].astype(np.float32))


def require_finite(numbers: Floats, what: str, whose: str = "images") -> None:
    """Raise UnmetNeed unless all of `numbers` (n,) are finite; the message counts those that are not.

    The arrays that samplers get are finite, so check only numbers that you compute. To check rows, check their sums: a
    NaN or an infinite number makes the sum NaN or infinite. For rows with distances, see `require_measurable`.
    """
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise UnmetNeed(
            f"The {what} of {len(bad)} of {len(numbers)} {whose} (first: row {bad[0]}) are not finite, so images "
            f"cannot be ranked by them. If the backbone was fine-tuned, lower finetune.first.lr, or use sampler=random."
        )


def require_measurable(x: Floats, what: str, whose: str = "images") -> None:
    """Raise UnmetNeed if a distance between rows of `x` (n, D) could overflow in float32.

    If the length of a row is above about 2e19, its square overflows, and FAISS ends the process.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squared_lengths = np.einsum("ij,ij->i", x, x, dtype=np.float32, casting="same_kind")
        require_finite(squared_lengths * np.float32(SQUARED_LENGTH_HEADROOM), f"squared lengths of the {what}", whose)
