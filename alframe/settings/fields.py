"""Generic handling of the settings' dataclasses: each setting by its full name, and settings from plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_type_hints

from alframe.settings.checks import InvalidSetting


@dataclass(frozen=True)
class SettingField:
    """A setting, or a group of settings, whose `type` is then a dataclass."""

    type: Any
    is_path: bool
    is_group: bool


def path_field(default: Any) -> Any:
    """Return a field whose value is a path, meant from the working directory."""
    return field(default=default, metadata={"is_path": True})


def setting_fields(group: type, prefix: str = "") -> Iterator[tuple[str, SettingField]]:
    """Yield every setting of a dataclass, and those of the groups in it, by its full name."""
    hints = get_type_hints(group)
    for setting in fields(group):
        name, hint = f"{prefix}{setting.name}", hints[setting.name]
        yield name, SettingField(hint, bool(setting.metadata.get("is_path")), is_dataclass(hint))
        if is_dataclass(hint):
            yield from setting_fields(hint, f"{name}.")  # type: ignore[arg-type]


def from_plain(group: type, values: Mapping[str, Any], prefix: str = "") -> Any:
    """Build a dataclass of settings from plain values of the right types; other keys of `values` are ignored.

    Raises InvalidSetting with the setting's full name.
    """
    hints = {name: hint for name, hint in get_type_hints(group).items() if name in values}
    arguments = {
        name: from_plain(hint, values[name], f"{prefix}{name}.") if is_dataclass(hint) else values[name]  # type: ignore[arg-type]
        for name, hint in hints.items()
    }
    try:
        return group(**{name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()})
    except InvalidSetting as error:
        raise InvalidSetting(f"{prefix}{error.name}", error.value, error.requirement) from None
