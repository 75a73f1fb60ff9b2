"""Parts made of other parts: build them by name, and show each sampler exactly what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alframe.builtins import REGISTRIES
from alframe.contracts import DEFAULT_DRAWS, DeclaresDraws, Sampler
from alframe.types import Need, PoolView

# Properties of PoolView that hand a field on without reading all of it.
LAZY_PROPERTIES = {Need.FEATURES: "lazy_features", Need.PROB_SAMPLES: "lazy_prob_samples"}


def build_part(kind: str, recipe: Mapping[str, Any]) -> Any:
    """Build the part of this kind that `recipe["name"]` names, with the other keys as its parameters.

    Raises UnknownComponent, DuplicateComponent, BrokenPlugin or BadParams.
    """
    return REGISTRIES[kind].build(recipe)


def combined_needs(samplers: Iterable[Sampler]) -> frozenset[Need]:
    """Return all that any of the samplers needs."""
    return frozenset[Need]().union(*(sampler.needs for sampler in samplers))


def max_draws(samplers: Iterable[Sampler]) -> int:
    """Return the most draws that any of the samplers asks for, or `DEFAULT_DRAWS` if none of them says."""
    return max((sampler.draws for sampler in samplers if isinstance(sampler, DeclaresDraws)), default=DEFAULT_DRAWS)


def restrict_view(sampler: Sampler, view: PoolView) -> PoolView:
    """Return `view` with only the fields that `sampler` needs; no array is copied."""
    fields = {need: getattr(view, LAZY_PROPERTIES.get(need, need.value)) for need in sampler.needs - {Need.PREDICT}}
    if Need.PROB_SAMPLES in fields and isinstance(sampler, DeclaresDraws):
        fields[Need.PROB_SAMPLES] = fields[Need.PROB_SAMPLES].first_draws(sampler.draws)
    return PoolView(view.keys, fields, view.predict if Need.PREDICT in sampler.needs else None)
