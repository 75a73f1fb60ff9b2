"""The sampler `refine`: several samplers filter the pool in stages, and one of them chooses from the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from alframe.kit.clustering import sample_rows
from alframe.kit.composite import CompositeSampler, restrict_view
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.progress import track
from alframe.types import Bools, Ints, PoolView, Selection


class Refine(CompositeSampler):
    """Filter the pool in stages by several samplers, and let the sampler `last` choose the batch from the rest.

    In each stage, the samplers choose many batches in turn. Each batch comes from a random part of the remaining
    images. Only images that are in at least one of these batches remain for the next stage. All samplers have their
    default parameters. The paper has 5 stages of 100 batches. Huseljic, Herde, Rauch, Hahn and Sick 2026, "Cleaning the
    pool: progressive filtering of unlabeled pools in deep active learning" (arXiv 2511.22344).
    """

    def __init__(
        self,
        samplers: Sequence[str] = ("margin", "least_confidence", "badge", "typiclust", "uherding"),
        last: str = "uherding",
        stages: int = 3,
        batches: int = 20,
        fraction: float = 0.4,
        rows: int = 4_000,
    ) -> None:
        names = [samplers] if isinstance(samplers, str) else list(samplers)
        distinct = bool(names) and len(set(names)) == len(names)
        require_parameter("sampler 'refine'", distinct, "one or more names that differ", samplers=names)
        require_at_least("sampler 'refine'", 0, stages=stages)
        require_at_least("sampler 'refine'", 1, batches=batches, rows=rows)
        require_parameter("sampler 'refine'", 0 < fraction <= 1, "above 0 and at most 1", fraction=fraction)
        self.samplers = (*names, last)
        self.stages, self.batches, self.fraction, self.rows = stages, batches, fraction, rows

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        looked_at = _mask_of_rows(sample_rows(len(view), self.rows, k, rng), len(view))
        view = view.restrict_to_needs(self.needs, self.draws).subset(looked_at)
        *filters, last = self.members
        for _ in track(range(self.stages), "Filtering", unit="stage"):
            size = min(len(view), max(k, math.ceil(self.fraction * len(view))))
            wanted = np.zeros(len(view), bool)
            for number in range(self.batches):
                sampler = filters[number % len(filters)]
                part = view.subset(_mask_of_rows(rng.choice(len(view), size, replace=False), len(view)))
                chosen = sampler.select(restrict_view(sampler, part), min(k, size), rng).keys
                wanted |= np.isin(view.keys, chosen)
            view = view.subset(wanted)
        return last.select(restrict_view(last, view), min(k, len(view)), rng)


def _mask_of_rows(rows: Ints, n: int) -> Bools:
    mask = np.zeros(n, np.bool_)
    mask[rows] = True
    return mask
