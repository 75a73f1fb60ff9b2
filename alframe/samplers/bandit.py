"""The sampler `bandit`: learn from round to round which of several samplers finds the errors of the model."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from alframe.kit.composite import CompositeSampler, restrict_view
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.scoring import require_finite
from alframe.kit.seeding import generator
from alframe.types import Floats, Floats64, Need, PoolView, Selection

log = logging.getLogger(__name__)


class Bandit(CompositeSampler):
    """Let one of several samplers choose each batch. Samplers that find more errors of the model are drawn more often.

    This is EXP3 (Auer, Cesa-Bianchi, Freund and Schapire 2002, "The nonstochastic multiarmed bandit problem"). The
    reward of a batch is the error rate of the model on this batch. It is measured when the next batch is chosen,
    without the images of the audit (the images that are drawn at random to measure the accuracy). The project stores
    the sampler and the reward of each batch. Batches that another part chose do not count.
    """

    def __init__(self, samplers: Sequence[str] = ("margin", "random"), gamma: float = 0.5, seed: int = 0) -> None:
        names = [samplers] if isinstance(samplers, str) else list(samplers)
        require_at_least("sampler 'bandit'", 0, seed=seed)
        distinct = bool(names) and len(set(names)) == len(names)
        require_parameter("sampler 'bandit'", distinct, "one or more names that differ", samplers=names)
        require_parameter("sampler 'bandit'", 0 < gamma <= 1, "above 0 and at most 1", gamma=gamma)
        self.seed, self.samplers, self.gamma = seed, tuple(names), gamma

    @property
    def needs(self) -> frozenset[Need]:
        return super().needs | {Need.BATCH_ERROR_RATES, Need.CHOSEN_BY}

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        require_finite(view.batch_error_rates, "rewards", "batches")
        arms, probabilities = self.replay_draws(view.batch_error_rates, view.chosen_by.tolist())
        odds = ", ".join(f"{name} {p:.0%}" for name, p in zip(self.samplers, probabilities, strict=True))
        log.info("sampler 'bandit' lets %s choose this batch (probabilities: %s).", self.samplers[arms[-1]], odds)
        member = self.members[arms[-1]]
        selection = member.select(restrict_view(member, view), k, rng)
        return Selection(selection.keys, selection.scores, self.samplers[arms[-1]])

    def replay_draws(self, rewards: Floats, chosen_by: Sequence[str] = ()) -> tuple[list[int], Floats64]:
        """Return which sampler chose each earlier batch and which is next, and the probabilities of this last draw.

        `rewards` (r,) in 0..1 are the rewards of the r earlier batches, and `chosen_by` (r,) the samplers that chose
        them. If a sampler is not known, the draw with `seed` says which it was. The first list has r + 1 indices of
        samplers. The index is -1 for a sampler that is no longer used; its reward is ignored.
        """
        log_weights = np.zeros(len(self.samplers))  # the weights themselves grow without bound
        arms = []
        for batch in range(len(rewards) + 1):
            weights = np.exp(log_weights - log_weights.max())
            probabilities = (1 - self.gamma) * weights / weights.sum() + self.gamma / len(log_weights)
            # By the number of the batch: a batch that is chosen in several turns has one sampler.
            quantile = generator(self.seed, "bandit", batch).random()
            drawn = np.searchsorted(probabilities.cumsum(), quantile, side="right")
            arms.append(min(int(drawn), len(probabilities) - 1))
            if name := next(iter(chosen_by[batch : batch + 1]), ""):
                arms[-1] = self.samplers.index(name) if name in self.samplers else -1
            if batch < len(rewards) and arms[-1] >= 0:
                log_weights[arms[-1]] += self.gamma * float(rewards[batch]) / probabilities[arms[-1]] / len(log_weights)
        return arms, probabilities
