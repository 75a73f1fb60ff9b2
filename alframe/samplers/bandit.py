"""Learning, from round to round, which of several samplers finds what the model gets wrong."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from alframe.contracts import Sampler
from alframe.errors import BadParams
from alframe.kit.composite import build_samplers, combined_needs, max_draws, restrict_view
from alframe.kit.scoring import require_finite
from alframe.seeding import generator
from alframe.types import Floats, Need, PoolView, Selection

log = logging.getLogger(__name__)
Doubles = npt.NDArray[np.float64]


class Bandit:
    """EXP3: each batch is chosen by one of `samplers`, drawn by how often the model erred on the batches of each.

    Auer, Cesa-Bianchi, Freund and Schapire 2002, "The nonstochastic multiarmed bandit problem". A batch's reward is the
    part of it on which the model was wrong; `gamma`, above 0 and up to 1, is the part of the probability that is spread
    evenly. Nothing is kept between rounds: who chose the earlier batches follows from `seed` and their rewards, so both
    must stay as they were, and batches of another sampler before it are taken for its own. Raises BadParams for
    parameters out of range.
    """

    def __init__(self, seed: int, samplers: Sequence[str] = ("margin", "random"), gamma: float = 0.5) -> None:
        names = [samplers] if isinstance(samplers, str) else list(samplers)
        if seed < 0 or not names or len(set(names)) < len(names) or not 0 < gamma <= 1:
            raise BadParams(
                "sampler 'bandit' needs a seed of 0 or more, samplers that differ, and 0 < gamma <= 1; "
                f"it was given seed={seed}, samplers={names}, gamma={gamma}."
            )
        self.seed = seed
        self.samplers = tuple(names)
        self.gamma = gamma

    @cached_property
    def _members(self) -> list[Sampler]:
        return list(build_samplers(self.samplers).values())

    @property
    def needs(self) -> frozenset[Need]:
        """What any of the samplers needs, and the rewards."""
        return combined_needs(self._members) | {Need.BATCH_ERRORS}

    @property
    def draws(self) -> int:
        """The most that any of them asks for."""
        return max_draws(self._members)

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        require_finite(view.batch_errors, "bandit", "rewards", "batches")
        arms, chances = self.arms(view.batch_errors)
        said = ", ".join(f"{name} {chance:.0%}" for name, chance in zip(self.samplers, chances, strict=True))
        log.info("bandit: %s chooses (%s).", self.samplers[arms[-1]], said)
        member = self._members[arms[-1]]
        return member.select(restrict_view(member, view), k, rng)

    def arms(self, rewards: Floats) -> tuple[list[int], Doubles]:
        """Which sampler chose each of the r batches with these `rewards` (r,) in 0..1 and which is next, r + 1 numbers;
        and the probabilities with which the last was drawn.
        """
        gains = np.zeros(len(self.samplers))  # logarithms of the weights: these grow without bound
        arms = []
        for number in range(len(rewards) + 1):
            powers = np.exp(gains - gains.max())
            chances = (1 - self.gamma) * powers / powers.sum() + self.gamma / len(gains)
            lot = generator(self.seed, "bandit", number).random()
            arms.append(min(int(np.searchsorted(chances.cumsum(), lot, side="right")), len(gains) - 1))
            if number < len(rewards):
                gains[arms[-1]] += self.gamma * float(rewards[number]) / chances[arms[-1]] / len(gains)
        return arms, chances
