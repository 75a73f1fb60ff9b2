"""Functions for the dataclasses of settings: checks of single values, full names, and plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_type_hints

from alframe.errors import BadParams


class InvalidSetting(BadParams):
    """A setting has a value that is not allowed.

    `name` is the name of the dataclass's field or, as soon as the group is known, the full name of the setting.
    """

    def __init__(self, name: str, value: object, requirement: str) -> None:
        super().__init__(f"{name}={format_for_command_line(value)}: must be {requirement}")
        self.name, self.value, self.requirement = name, value, requirement


def format_for_command_line(value: object) -> str:
    """Return a value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(format_for_command_line, value))}]"
    return str(value)


def require_field(is_valid: bool, group: object, name: str, requirement: str) -> None:
    """Raise InvalidSetting about this field of `group` unless its value is valid."""
    if not is_valid:
        raise InvalidSetting(name, getattr(group, name), requirement)


def require_at_least(group: object, /, **bounds: int) -> None:
    """Check that fields of `group` are None or at least a bound: `bounds` has the bound of each field by name."""
    for name, bound in bounds.items():
        value = getattr(group, name)
        require_field(value is None or value >= bound, group, name, f"at least {bound}")


def require_one_of(group: object, /, **choices: Sequence[str | None]) -> None:
    """Check that fields of `group` have one of their allowed values, which are given by field name."""
    for name, allowed in choices.items():
        *others, last = map(format_for_command_line, allowed)
        require_field(getattr(group, name) in allowed, group, name, f"{', '.join(others)} or {last}")


@dataclass(frozen=True)
class SettingField:
    """A setting, or a group of settings. The `type` of a group is a dataclass."""

    type: Any
    is_path: bool
    is_group: bool


def path_field(default: Any) -> Any:
    """Return a field whose value is a path, relative to the working directory."""
    return field(default=default, metadata={"is_path": True})


def setting_fields(group: type, prefix: str = "") -> Iterator[tuple[str, SettingField]]:
    """Yield the full name and the field of every setting of a dataclass, including the settings of its groups."""
    hints = get_type_hints(group)
    for setting in fields(group):
        name, hint = f"{prefix}{setting.name}", hints[setting.name]
        yield name, SettingField(hint, bool(setting.metadata.get("is_path")), is_dataclass(hint))
        if is_dataclass(hint):
            yield from setting_fields(hint, f"{name}.")  # type: ignore[arg-type]  # not an instance


def from_plain(group: type, values: Mapping[str, Any], prefix: str = "") -> Any:
    """Build a dataclass of settings from plain values of the right types; other keys of `values` are ignored.

    Raises InvalidSetting with the setting's full name.
    """
    hints = {name: hint for name, hint in get_type_hints(group).items() if name in values}
    arguments = {
        name: from_plain(hint, values[name], f"{prefix}{name}.") if is_dataclass(hint) else values[name]  # type: ignore[arg-type]  # not an instance
        for name, hint in hints.items()
    }
    try:
        return group(**{name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()})
    except InvalidSetting as error:
        raise InvalidSetting(f"{prefix}{error.name}", error.value, error.requirement) from None
