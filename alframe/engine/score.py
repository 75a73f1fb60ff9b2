"""Show a sampler exactly what it declared in `needs`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.contracts import Head, Sampler
from alframe.engine.fit import Training
from alframe.errors import UnmetNeed
from alframe.types import Floats, Ints, Item, Need, PoolView

ROWS = 32768  # of the pool that the head is asked about at a time
DRAWS = 20  # samples of the probabilities, unless the sampler says otherwise


def check_needs(
    sampler: Sampler, name: str, head: Head, head_name: str, heads_with: Callable[[str], list[str]]
) -> None:
    """Raise UnmetNeed, before any image is read, if the head cannot give what the sampler needs.

    `heads_with` names the heads that have a true attribute of this name.
    """
    unmet = None
    if Need.PROB_SAMPLES in sampler.needs and not head.stochastic:
        unmet = ("samples of the probabilities", "gives only one answer", "stochastic")
    elif Need.ACTIVATIONS in sampler.needs and not hasattr(head, "activations"):
        unmet = ("the outputs of hidden layers", "has none", "activations")
    if unmet is not None:
        what, why, attribute = unmet
        heads = heads_with(attribute)
        example = "laplace" if "laplace" in heads else (heads or ["mlp"])[0]  # the cheapest that gives samples
        raise UnmetNeed(
            f"sampler={name} needs {what}, and head={head_name} {why}. Heads that do: "
            f"{', '.join(heads) or 'none installed'}. For example: sampler={name} head={example}."
        )


def view_pool(
    sampler: Sampler,
    ids: Ints,
    features: Floats,
    items: Sequence[Item],
    training: Training,
    head: Head | None,
    rng: np.random.Generator,
    rewards: Callable[[], Floats] = lambda: np.zeros(0, np.float32),
) -> PoolView:
    """The view of the unlabelled `ids` (n,); features (N, D) are by item key. `head` is None before any label."""
    mine = cache(lambda: features[ids])  # a copy as large as the pool: made once, and only if it is needed

    def ask(answer: Callable[[Floats], Floats], axis: int = 0) -> Floats:
        """What the head says of the pool, whose rows are along `axis`; in parts, unless the pool is copied anyway."""
        if Need.FEATURES in sampler.needs or len(ids) <= ROWS:
            return answer(mine())
        for start in range(0, len(ids), ROWS):
            part = answer(features[ids[start : start + ROWS]])
            if start == 0:
                out = np.empty((*part.shape[:axis], len(ids), *part.shape[axis + 1 :]), part.dtype)
            out[(slice(None),) * axis + (slice(start, start + ROWS),)] = part
        return out

    makers: dict[Need, Callable[[], npt.NDArray[np.generic]]] = {
        Need.FEATURES: mine,
        Need.LABELLED_FEATURES: lambda: features[training.keys],
        Need.LABELS: lambda: training.y,
        Need.GROUPS: lambda: groups_of(items, ids),
        Need.REWARDS: rewards,
    }
    if head is not None:
        fitted: Any = head
        makers[Need.PROBS] = lambda: ask(fitted.probs)
        makers[Need.LABELLED_PROBS] = lambda: fitted.probs(features[training.keys])
        makers[Need.ACTIVATIONS] = lambda: ask(fitted.activations)
        before = rng.bit_generator.state

        def draw(x: Floats) -> Floats:
            rng.bit_generator.state = before  # the same models for every part
            return np.asarray(fitted.prob_samples(x, getattr(sampler, "draws", DRAWS), rng))

        makers[Need.PROB_SAMPLES] = lambda: ask(draw, axis=1)
    predict = head.probs if head is not None and Need.PREDICT in sampler.needs else None
    wanted = sampler.needs - ({Need.PREDICT} if predict is not None else set())
    missing = [need.value for need in wanted if need not in makers]
    if missing:
        raise UnmetNeed(
            f"{type(sampler).__name__} needs {', '.join(missing)}, which exists only after the first labels."
        )
    return PoolView(ids, {need: makers[need]() for need in wanted}, predict)


def groups_of(items: Sequence[Item], ids: Ints) -> Ints:
    """(n,) number of each item's sequence; -1 where it has none."""
    numbers: dict[str, int] = {}
    names = (items[key].sequence for key in ids.tolist())
    return np.array([-1 if name is None else numbers.setdefault(name, len(numbers)) for name in names], np.int64)
