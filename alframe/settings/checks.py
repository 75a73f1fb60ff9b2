"""Checks of single values, which name the setting, its value and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence

from alframe.errors import BadParams


class InvalidSetting(BadParams):
    """A setting with a value it cannot have.

    `name` is that of the dataclass's field, or, once the group is known, the setting's full name.
    """

    def __init__(self, name: str, value: object, requirement: str) -> None:
        super().__init__(f"{name}={as_typed(value)}: must be {requirement}")
        self.name, self.value, self.requirement = name, value, requirement


def as_typed(value: object) -> str:
    """Return a value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(as_typed, value))}]"
    return str(value)


def require(is_valid: bool, group: object, name: str, requirement: str) -> None:
    """Raise InvalidSetting about this field of `group` unless its value is valid."""
    if not is_valid:
        raise InvalidSetting(name, getattr(group, name), requirement)


def check_at_least(group: object, /, **bounds: int) -> None:
    """Check that fields of `group` are None or at least the bound that is given by the field's name."""
    for name, bound in bounds.items():
        value = getattr(group, name)
        require(value is None or value >= bound, group, name, f"at least {bound}")


def check_choice(group: object, /, **choices: Sequence[str | None]) -> None:
    """Check that fields of `group` have one of the values that are given by the field's name."""
    for name, allowed in choices.items():
        *others, last = map(as_typed, allowed)
        require(getattr(group, name) in allowed, group, name, f"{', '.join(others)} or {last}")
