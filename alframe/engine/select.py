"""Let the sampler choose, and check that it kept to its contract."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from alframe.contracts import Sampler
from alframe.errors import BadSelection
from alframe.types import Ints, PoolView, Selection


def select_with_group_limit(
    sampler: Sampler, view: PoolView, groups: Ints, k: int, per_group: int | None, rng: np.random.Generator
) -> Selection:
    """At most `per_group` items of each of the `groups` (n,) of the view's keys, while there are others; -1: no group.

    Frames of one burst are near-copies, so they are uncertain together, and a batch of them teaches little. The
    sampler chooses again from what is left, in as many turns as it takes, and sees what it has chosen as labelled.
    """
    if per_group is None or (groups < 0).all():
        return run_sampler(sampler, view, k, rng)
    order = np.argsort(view.keys)
    taken: Counter[int] = Counter()
    chosen: list[int] = []
    scores: list[float] = []
    rest, spread = view, True
    while len(chosen) < k and len(rest):
        part = run_sampler(sampler, rest, k - len(chosen), rng)
        part_scores = [math.nan] * len(part.keys) if part.scores is None else part.scores.tolist()
        mine = groups[order[np.searchsorted(view.keys, part.keys, sorter=order)]]
        for key, group, score in zip(part.keys.tolist(), mine.tolist(), part_scores, strict=True):
            if not spread or group < 0 or taken[group] < per_group:
                taken[group] += 1
                chosen.append(key)
                scores.append(score)
        full = [number for number, count in taken.items() if number >= 0 and count >= per_group]
        kept = ~np.isin(view.keys, chosen)
        open_ = kept & ~np.isin(groups, full)
        spread = bool(open_.any())  # every group is used up: then the best of the others
        rest = view.after_choosing(~kept, open_ if spread else kept)
    return Selection(np.array(chosen, np.int64), None if np.isnan(scores).any() else np.array(scores, np.float32))


def draw_audit_keys(keys: Ints, size: int, fraction: float, rng: np.random.Generator) -> Ints:
    """The part of a batch of `size` that is drawn at random from all `keys` (n,), whatever a sampler or a burst says.

    A fraction above 0 gives one image at least, and leaves the sampler one at least.
    """
    if fraction <= 0 or size < 2:
        return np.zeros(0, np.int64)
    count = min(math.ceil(fraction * size), size - 1) if fraction < 1 else size
    return rng.choice(keys, count, replace=False)


def merge_audit(chosen: Selection, audit: Ints, rng: np.random.Generator) -> Selection:
    """Both in one batch, the audit at random places: who labels only the beginning must not leave it out.

    The order of the chosen ones stays; the audit has no scores (nan).
    """
    size = len(chosen.keys) + len(audit)
    drawn = np.zeros(size, bool)
    drawn[rng.choice(size, len(audit), replace=False)] = True
    keys = np.empty(size, np.int64)
    keys[drawn], keys[~drawn] = audit, chosen.keys
    if chosen.scores is None:
        return Selection(keys)
    scores = np.full(size, np.nan, np.float32)
    scores[~drawn] = chosen.scores
    return Selection(keys, scores)


def run_sampler(sampler: Sampler, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
    """Return min(k, n) distinct items of the view: no sampler is asked for more than it is shown.

    Raises BadSelection, naming the sampler, when it breaks its contract.
    """
    k = max(0, min(k, len(view)))
    chosen = sampler.select(view, k, rng)
    keys, name = np.asarray(chosen.keys), type(sampler).__name__
    if len(keys) != k:
        raise BadSelection(f"The sampler {name} chose {len(keys)} items where {k} were asked for.")
    if len(np.unique(keys)) != len(keys):
        raise BadSelection(f"The sampler {name} chose an item twice.")
    if not np.isin(keys, view.keys).all():
        raise BadSelection(f"The sampler {name} chose an item that is not in the pool it was shown.")
    if chosen.scores is not None and len(chosen.scores) != len(keys):
        raise BadSelection(f"The sampler {name} gave {len(chosen.scores)} scores for {len(keys)} items.")
    return Selection(keys.astype(np.int64), chosen.scores)
