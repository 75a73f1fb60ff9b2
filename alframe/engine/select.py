"""Let the sampler choose, and check that it kept to its contract."""

from __future__ import annotations

import numpy as np

from alframe.contracts import Sampler
from alframe.errors import BadSelection
from alframe.types import PoolView, Selection


def select(sampler: Sampler, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
    """min(k, n) distinct items of the view. Raises BadSelection naming the sampler when it breaks its contract."""
    chosen = sampler.select(view, k, rng)
    ids = np.asarray(chosen.ids)
    name, wanted = type(sampler).__name__, min(k, len(view))
    if len(ids) != wanted:
        raise BadSelection(f"The sampler {name} chose {len(ids)} items where {wanted} were asked for.")
    if len(np.unique(ids)) != len(ids):
        raise BadSelection(f"The sampler {name} chose an item twice.")
    if not np.isin(ids, view.ids).all():
        raise BadSelection(f"The sampler {name} chose an item that is not in the pool it was shown.")
    if chosen.scores is not None and len(chosen.scores) != len(ids):
        raise BadSelection(f"The sampler {name} gave {len(chosen.scores)} scores for {len(ids)} items.")
    return Selection(ids.astype(np.int64), chosen.scores)
