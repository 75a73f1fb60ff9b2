"""Several samplers that share each batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from alframe.contracts import Sampler
from alframe.errors import BadParams
from alframe.kit.composite import build_samplers, combined_needs, max_draws, restrict_view
from alframe.types import Ints, Need, PoolView, Selection

WEIGHTS = {"margin": 0.5, "random": 0.5}


class Mixture:
    """Each sampler chooses a part of the batch: `weights` by name, of any sum; 0 leaves one out.

    They choose in the order given; what one has chosen, the next passes over and takes its own next best instead. What
    does not divide evenly is drawn, so that small batches are fair as well. The batch is interleaved: its beginning is
    mixed like the whole. The samplers have their default parameters. Raises BadParams for weights that are none.
    """

    def __init__(self, weights: Mapping[str, float] = WEIGHTS) -> None:
        values = list(weights.values()) if isinstance(weights, Mapping) else []
        numbers = all(isinstance(value, int | float) and math.isfinite(value) and value >= 0 for value in values)
        if not numbers or sum(values) <= 0:
            raise BadParams(
                "sampler 'mixture' needs weights of 0 or more, one above 0, such as "
                f"sampler.weights.margin=0.5; it was given weights={weights}."
            )
        self.weights = {name: value / sum(values) for name, value in weights.items() if value > 0}

    @cached_property
    def _members(self) -> list[Sampler]:
        return list(build_samplers(self.weights).values())

    @property
    def needs(self) -> frozenset[Need]:
        """What any of the samplers needs."""
        return combined_needs(self._members)

    @property
    def draws(self) -> int:
        """The most that any of them asks for."""
        return max_draws(self._members)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        k = max(0, min(k, len(view)))
        shares = _shares(k, np.array(list(self.weights.values())), rng)
        taken, places = view.keys[:0], np.empty(0)
        for member, share in zip(self._members, shares.tolist(), strict=True):
            if share:
                wanted = member.select(restrict_view(member, view), share + len(taken), rng).keys
                new = wanted[~np.isin(wanted, taken)][:share]
                taken, places = np.concatenate([taken, new]), np.concatenate([places, (np.arange(share) + 0.5) / share])
        return Selection(taken[np.argsort(places, kind="stable")])


def _shares(k: int, weights: npt.NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """How many of k each gets: the whole part of its due, and what is left by lot, in proportion to the fractions."""
    due = k * weights
    shares = np.floor(due + 1e-9).astype(np.int64)
    fractions = np.maximum(due - shares, 0)
    left = k - shares.sum()
    if left:
        shares[rng.choice(len(weights), left, replace=False, p=fractions / fractions.sum())] += 1
    return shares
