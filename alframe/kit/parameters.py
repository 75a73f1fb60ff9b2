"""Check a part's parameters, with messages that say what is allowed, and answer a misspelt name with the nearest."""

from __future__ import annotations

from collections.abc import Iterable

from alframe.errors import BadParams
from alframe.registry import did_you_mean, unknown_name_message

__all__ = ["did_you_mean", "require_at_least", "require_one_of", "require_parameter", "unknown_name_message"]


def require_parameter(part: str, valid: bool, allowed: str, **value: object) -> None:
    """Raise BadParams unless `valid`; `value` is the parameter that was checked, and `part` says whose it is."""
    if not valid:
        given = ", ".join(f"{name}={content}" for name, content in value.items())
        raise BadParams(f"{part}: {given}: must be {allowed}.")


def require_at_least(part: str, minimum: float, **values: float | None) -> None:
    """Raise BadParams, naming `part`, for the first of `values` that is below `minimum`; None means no limit."""
    for name, value in values.items():
        require_parameter(part, value is None or value >= minimum, f"at least {minimum}", **{name: value})


def require_one_of(part: str, choices: Iterable[str], **value: str) -> None:
    """Raise BadParams, naming `part`, unless `value` is one of the `choices`."""
    choices = tuple(choices)
    require_parameter(part, set(value.values()) <= set(choices), f"one of {', '.join(choices)}", **value)
