"""The sampler `mixture`: several samplers share each batch."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from alframe.kit.composite import CompositeSampler, restrict_view
from alframe.kit.parameters import require_parameter
from alframe.types import Floats64, Ints, PoolView, Selection


class Mixture(CompositeSampler):
    """Let each of several samplers choose a share of the batch.

    The samplers have their default parameters. They choose in the given order. If an image is already chosen, the next
    sampler takes its next best image. If the batch cannot be divided exactly, the remaining places are given to
    samplers at random, so that each sampler gets its share on average. The images of the samplers alternate in the
    batch.
    """

    def __init__(self, weights: Mapping[str, float] = {"margin": 0.5, "random": 0.5}) -> None:
        values = list(weights.values()) if isinstance(weights, Mapping) else []
        numbers = all(isinstance(value, int | float) and math.isfinite(value) and value >= 0 for value in values)
        allowed = "numbers of at least 0 by sampler, one of them above 0, such as sampler.weights.margin=0.5"
        require_parameter("sampler 'mixture'", numbers and sum(values) > 0, allowed, weights=weights)
        self.weights = {name: value / sum(values) for name, value in weights.items() if value > 0}
        self.samplers = tuple(self.weights)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        shares = _draw_sampler_counts(k, np.array(list(self.weights.values())), rng)
        chosen, positions = view.keys[:0], np.empty(0)
        for member, share in zip(self.members, shares.tolist(), strict=True):
            if share:
                ranked = member.select(restrict_view(member, view), share + len(chosen), rng).keys
                new = ranked[~np.isin(ranked, chosen)][:share]
                chosen = np.concatenate([chosen, new])
                positions = np.concatenate([positions, (np.arange(share) + 0.5) / share])  # evenly spaced in 0..1
        return Selection(chosen[np.argsort(positions, kind="stable")])


def _draw_sampler_counts(k: int, weights: Floats64, rng: np.random.Generator) -> Ints:
    """Return the number of images of each sampler: k x weight, rounded down, and the rest drawn by the remainders.

    This is systematic sampling (Madow 1949, "On the theory of systematic sampling, II"). The fractions lie end to end
    on a line, and one random number places evenly spaced marks on this line. Each mark gives a place to a sampler. So
    each sampler gets at most one place more, and k x weight places on average.
    """
    exact = k * weights
    shares = np.floor(exact + 1e-9).astype(np.int64)
    fractions = np.maximum(exact - shares, 0)
    rest = int(k - shares.sum())
    if rest:
        ends = fractions.cumsum()
        marks = (rng.random() + np.arange(rest)) / rest
        shares[np.searchsorted(ends / ends[-1], marks, side="right")] += 1
    return shares
