"""Say what a part does against its contract."""

from __future__ import annotations

from alframe.builtins import REGISTRIES
from alframe.errors import BadOutput


def broken_contract(kind: str, part: object, fault: str) -> BadOutput:
    """Return the error that the part of this kind did what its contract does not allow."""
    return BadOutput(
        f"{REGISTRIES[kind].describe_built(part)} {fault}. That breaks the contract of its kind: report it to its "
        "maintainer, or choose another."
    )
