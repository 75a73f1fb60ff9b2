"""Build other parts by name, for a part that is made of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alframe.builtins import REGISTRIES


def build_part(kind: str, recipe: Mapping[str, Any]) -> Any:
    """Build the part of this kind that `recipe["name"]` names, with the other keys as its parameters.

    Raises UnknownComponent, DuplicateComponent, BrokenPlugin or BadParams.

    >>> build_part("sampler", {"name": "margin"}).needs
    frozenset({<Need.PROBS: 'probs'>})
    """
    return REGISTRIES[kind].build(recipe)
