"""Generic handling of the settings' dataclasses: the type of each setting, and values from configuration files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from alframe.settings.checks import InvalidSetting

_DESCRIPTIONS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_BOOLEANS = ("true", "false", "yes", "no", "on", "off", "y", "n", "1", "0")


@dataclass(frozen=True)
class SettingType:
    """The type of one setting's values, from its dataclass's annotation."""

    type: type
    is_optional: bool = False
    is_list: bool = False  # of `type`
    is_path: bool = False

    def __str__(self) -> str:
        described = "a list of texts" if self.is_list else _DESCRIPTIONS[self.type]
        return f"{described} or null" if self.is_optional else described

    def accepts(self, value: object) -> bool:
        """Whether a plain value, as YAML or the command line gives it, is one of this type."""
        if value is None:
            return self.is_optional
        if self.is_list:
            return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)
        if self.type is bool:
            return str(value).lower() in _BOOLEANS
        if self.type is str:
            return isinstance(value, str | int | float)
        return not isinstance(value, bool) and _converts(self.type, value)


def path_field(default: Any) -> Any:
    """Return a field whose value is a path, meant from the working directory."""
    return field(default=default, metadata={"is_path": True})


@cache
def setting_types(group: type, prefix: str = "") -> dict[str, SettingType | type]:
    """Return the type of every setting of a dataclass by its full name; of a group of settings, its dataclass."""
    return dict(_setting_types(group, prefix))


def from_plain(group: type, values: Mapping[str, Any], prefix: str = "") -> Any:
    """Build a dataclass of settings from plain dicts and lists; what else `values` holds is not looked at.

    Raises InvalidSetting with the setting's full name.
    """
    arguments = {}
    types = setting_types(group)
    for name in (one.name for one in fields(group) if one.name in values):
        value, setting_type = values[name], types[name]
        if not isinstance(setting_type, SettingType):
            value = from_plain(setting_type, value, f"{prefix}{name}.")
        elif not setting_type.accepts(value):
            raise InvalidSetting(f"{prefix}{name}", value, str(setting_type))
        arguments[name] = tuple(value) if isinstance(value, list) else value
    try:
        return group(**arguments)
    except InvalidSetting as error:
        if "." in error.name or not prefix:
            raise
        raise InvalidSetting(f"{prefix}{error.name}", error.value, error.requirement) from None


def _setting_types(group: type, prefix: str) -> Iterator[tuple[str, SettingType | type]]:
    hints = get_type_hints(group)
    for one in fields(group):
        name, hint = f"{prefix}{one.name}", hints[one.name]
        if is_dataclass(hint):
            yield name, hint  # type: ignore[misc]
            yield from _setting_types(hint, f"{name}.")  # type: ignore[arg-type]
            continue
        members = [member for member in get_args(hint) or (hint,) if member not in (NoneType, ...)]
        is_list = get_origin(hint) is tuple
        is_optional = not is_list and NoneType in get_args(hint)
        yield name, SettingType(members[0], is_optional, is_list, bool(one.metadata.get("is_path")))


def _converts(to: type, value: object) -> bool:
    if isinstance(value, str):
        try:
            to(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int) or (to is float and isinstance(value, float))
