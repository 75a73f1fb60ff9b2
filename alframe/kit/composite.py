"""Samplers that are made of others: building these by name, and showing each what it needs and no more."""

from __future__ import annotations

from collections.abc import Iterable

from alframe.builtins import REGISTRIES
from alframe.contracts import DEFAULT_DRAWS, FixedDraws, Sampler
from alframe.types import Need, PoolView

UNREAD = {Need.FEATURES: "lazy_features", Need.PROB_SAMPLES: "lazy_prob_samples"}  # which nobody has to read as a whole


def build(names: Iterable[str]) -> dict[str, Sampler]:
    """The samplers of these names with their default parameters. Raises UnknownComponent, BadParams, BrokenPlugin."""
    return {name: REGISTRIES["sampler"].build({"name": name}) for name in names}


def needs_of(samplers: Iterable[Sampler]) -> frozenset[Need]:
    """All that any of them needs."""
    return frozenset[Need]().union(*(sampler.needs for sampler in samplers))


def draws_of(samplers: Iterable[Sampler]) -> int:
    """Return the most draws that any of them asks for, or `DEFAULT_DRAWS` if none says."""
    return max((sampler.draws for sampler in samplers if isinstance(sampler, FixedDraws)), default=DEFAULT_DRAWS)


def seen_by(sampler: Sampler, view: PoolView) -> PoolView:
    """The view with exactly what this one needs; no array is copied."""
    fields = {need: getattr(view, UNREAD.get(need, need.value)) for need in sampler.needs - {Need.PREDICT}}
    if Need.PROB_SAMPLES in fields and isinstance(sampler, FixedDraws):
        fields[Need.PROB_SAMPLES] = fields[Need.PROB_SAMPLES].first_draws(sampler.draws)
    return PoolView(view.keys, fields, view.predict if Need.PREDICT in sampler.needs else None)
