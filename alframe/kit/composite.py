"""Functions for parts that use other parts: build these by name, and give each sampler exactly the data it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import (
    DEFAULT_DRAWS,
    AcquisitionProbs,
    CheckableHead,
    CheckableSampler,
    DeclaresDraws,
    ExportableHead,
    Head,
    HiddenActivations,
    Sampler,
    TakesWeights,
    UsesFitContext,
    UsesUnlabelled,
)
from alframe.errors import BadParams, UnmetNeed
from alframe.types import FitContext, Floats, Ints, Need, PoolView

ABILITIES: Mapping[type, str] = {
    AcquisitionProbs: "acquisition_probs",
    CheckableHead: "check",
    ExportableHead: "logits_module",
    HiddenActivations: "hidden_activations",
    TakesWeights: "fit_weighted",
    UsesFitContext: "fit_with_context",
    UsesUnlabelled: "max_unlabelled",
}  # what a head may have beside the contract Head, and its name


@overload
def build_part(kind: Literal["head"], recipe: Mapping[str, Any]) -> Head: ...
@overload
def build_part(kind: Literal["sampler"], recipe: Mapping[str, Any]) -> Sampler: ...
@overload
def build_part(kind: str, recipe: Mapping[str, Any]) -> Any: ...
def build_part(kind: str, recipe: Mapping[str, Any]) -> Any:
    """Build the part of this kind that `recipe["name"]` names, with the other keys as its parameters.

    Raises UnknownComponent, DuplicateComponent, BrokenPlugin or BadParams.
    """
    return REGISTRIES[kind].build(recipe)


def fit_head(
    head: Head,
    x: Floats,
    y: Ints,
    classes: int,
    rng: np.random.Generator,
    context: FitContext,
    weights: Floats | None = None,
) -> None:
    """Fit `head` to `x` (m, D) and `y` (m,), and pass the `context` to the head if the head can use it.

    Each example counts `weights` (m,) times. None: once. An example of weight 0 is left out. Raises UnmetNeed if the
    head cannot use weights, and BadParams if a weight is negative or all are 0.
    """
    if weights is not None:
        if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
            raise BadParams("The weights of the examples must be finite and at least 0, and not all of them 0.")
        counts = weights > 0
        x, y, weights = x[counts], y[counts], weights[counts]
        if not isinstance(head, TakesWeights):
            raise UnmetNeed(
                f"{REGISTRIES['head'].describe_built(head)} takes no weights. Choose one that does, such as head=auto."
            )
        head.fit_weighted(x, y, classes, rng, weights)
    elif isinstance(head, UsesFitContext):
        head.fit_with_context(x, y, classes, rng, context)
    else:
        head.fit(x, y, classes, rng)


def forward_abilities(wrapper: object, head: Head, abilities: Iterable[type]) -> None:
    """Give `wrapper`, a head that uses `head`, those `abilities` that `head` has, such as ExportableHead.

    If the wrapper has the method with an underscore before its name, this method is used, otherwise the method of
    `head`. The instance gets the method, and not the class: otherwise every wrapper would seem to have the ability.
    """
    for ability in abilities:
        if isinstance(head, ability):
            name = ABILITIES[ability]
            setattr(wrapper, name, getattr(wrapper, f"_{name}", None) or getattr(head, name))


class CompositeSampler:
    """The base class of a sampler that is made of other samplers. A subclass sets `samplers` to their names."""

    samplers: Sequence[str]

    @cached_property
    def members(self) -> list[Sampler]:
        """The samplers, with their default parameters; they are built when they are first asked for."""
        return [build_part("sampler", {"name": name}) for name in self.samplers]

    @property
    def needs(self) -> frozenset[Need]:
        """The needs of all samplers together."""
        return frozenset[Need]().union(*(member.needs for member in self.members))

    @property
    def draws(self) -> int:
        """The largest number of draws that a sampler requests, or `DEFAULT_DRAWS` if none of them sets a number."""
        declared = (member.draws for member in self.members if isinstance(member, DeclaresDraws))
        return max(declared, default=DEFAULT_DRAWS)

    def check(self) -> None:
        """Check the files that the parameters of the samplers name, see CheckableSampler."""
        for member in self.members:
            if isinstance(member, CheckableSampler):
                member.check()


def restrict_view(sampler: Sampler, view: PoolView) -> PoolView:
    """Return `view` with only the fields that `sampler` needs. It copies no array."""
    return view.restrict_to_needs(sampler.needs, sampler.draws if isinstance(sampler, DeclaresDraws) else None)
