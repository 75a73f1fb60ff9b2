"""Check the parameters of a part. Messages give the allowed values and, for a misspelt name, the nearest known name."""

from __future__ import annotations

from collections.abc import Iterable

from alframe.errors import BadParams
from alframe.registry import did_you_mean, unknown_name_message

__all__ = ["did_you_mean", "require_at_least", "require_one_of", "require_parameter", "unknown_name_message"]


def require_parameter(part: str, valid: bool, allowed: str, **value: object) -> None:
    """Raise BadParams unless `valid`. The message gives `part`, the parameter with its value, and `allowed`."""
    if not valid:
        given = ", ".join(f"{name}={content}" for name, content in value.items())
        raise BadParams(f"{part}: {given}: must be {allowed}.")


def require_at_least(part: str, minimum: float, **values: float | None) -> None:
    """Raise BadParams for the first of the `values` of `part` that is below `minimum`. A value None is valid."""
    for name, value in values.items():
        require_parameter(part, value is None or value >= minimum, f"at least {minimum}", **{name: value})


def require_one_of(part: str, choices: Iterable[str], **value: str) -> None:
    """Raise BadParams with the name of the `part` unless `value` is one of the `choices`."""
    choices = tuple(choices)
    require_parameter(part, set(value.values()) <= set(choices), f"one of {', '.join(choices)}", **value)
