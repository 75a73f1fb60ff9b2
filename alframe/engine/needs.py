"""Check that the head and the pool can give the data that a sampler needs."""

from __future__ import annotations

import logging

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Head, HiddenActivations, Sampler
from alframe.errors import AlframeError, UnmetNeed
from alframe.kit.pool_views import PoolFacts
from alframe.types import POOL_FACTS, Bools, Need

log = logging.getLogger(__name__)


def require_needs(sampler: Sampler, name: str, head: Head, head_name: str) -> None:
    """Raise UnmetNeed, before any image is read, if the head cannot compute the data that the sampler needs.

    The message names suitable heads.
    """
    if Need.PROB_SAMPLES in sampler.needs and not head.stochastic:
        needed, lack, attribute = "samples of the probabilities", "gives only one answer", "stochastic"
    elif Need.HIDDEN_ACTIVATIONS in sampler.needs and not isinstance(head, HiddenActivations):
        needed, lack, attribute = "the outputs of hidden layers", "has none", "hidden_activations"
    else:
        return
    heads = head_names_with(attribute)
    example = "laplace" if "laplace" in heads else (heads or ["mlp"])[0]  # the cheapest that gives samples
    raise UnmetNeed(
        f"sampler={name} needs {needed}, but head={head_name} {lack}. Suitable heads: "
        f"{', '.join(heads) or 'none installed'}. For example: sampler={name} head={example}."
    )


def require_pool_facts(sampler: Sampler, name: str, facts: PoolFacts, is_present: Bools) -> None:
    """Raise UnmetNeed if the sampler needs times or cameras and no image has them. Log how many images lack them.

    `is_present` (N,) marks the images that the pool has now.
    """
    for need, what, remedy in (
        (Need.TAKEN, "time", "A table gives times: pool=csv pool.time_column=COLUMN."),
        (
            Need.CAMERAS,
            "camera",
            "Folders give cameras (pool.camera_level=1), and tables: pool=csv pool.camera_column=COLUMN.",
        ),
    ):
        if not {need, POOL_FACTS[need]} & sampler.needs:
            continue
        known = ~np.isnat(facts.taken) if need is Need.TAKEN else facts.cameras >= 0
        missing, count = int((is_present & ~known).sum()), int(is_present.sum())
        if missing == count:
            raise UnmetNeed(
                f"sampler={name} needs the {what} of each image, and not one of the {count} images has one. {remedy} "
                f"Or choose another sampler."
            )
        if missing:
            log.warning("sampler=%s needs the %s of each image: %d of %d have none.", name, what, missing, count)


def head_names_with(attribute: str) -> list[str]:
    names = []
    for name, entries in REGISTRIES["head"].parts().items():
        try:
            if entries[0].declares(attribute):
                names.append(name)
        except AlframeError:  # a broken plugin cannot be recommended
            continue
    return sorted(names)
