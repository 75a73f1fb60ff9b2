"""Make the error for a part that breaks its contract."""

from __future__ import annotations

from alframe.builtins import REGISTRIES
from alframe.errors import BadOutput


def broken_contract(kind: str, part: object, fault: str) -> BadOutput:
    """Return the error for a part of this kind that breaks its contract by this `fault`."""
    return BadOutput(
        f"{REGISTRIES[kind].describe_built(part)} {fault}. That breaks the contract of its kind: report it to its "
        "maintainer, or choose another."
    )
