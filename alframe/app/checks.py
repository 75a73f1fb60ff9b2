"""Check the names, types and values of overrides. Error messages say what is allowed."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from omegaconf.errors import OmegaConfBaseException

from alframe.app.grammar import parse_override, sweep_values
from alframe.app.overrides import Override
from alframe.app.parts import GROUPS, MULTIPLE_KINDS, ChosenParts
from alframe.app.schema import SETTINGS, describe_type_of_setting, require_type
from alframe.builtins import KINDS, MOVED, REGISTRIES
from alframe.commands import quote_argument
from alframe.errors import BadParams, UnknownComponent
from alframe.registry import did_you_mean, unknown_name_message
from alframe.settings import Settings
from alframe.settings.fields import InvalidSetting, from_plain

log = logging.getLogger(__name__)

NAME = re.compile(r"^[\w-]+$")


def require_known_names(override: Override, parts: ChosenParts) -> None:
    """Raise UnknownComponent if no part has this name, and BadParams for an impossible choice or YAML file."""
    known = parts.files_by_name(override.key) if override.key in GROUPS else {}
    text = override.text or ""
    is_list = text.startswith("[") and text.endswith("]") and len(override.chosen_names) > 1
    if is_list and override.key in set(KINDS) - set(MULTIPLE_KINDS):
        raise BadParams(
            f"{override}: choose one {override.key}; -m {quote_argument(f'{override.key}=A,B')} tries several."
        )
    for name in override.chosen_names if known else []:
        if NAME.match(name) and name not in known:
            raise UnknownComponent(unknown_name_message(override.key, name, sorted(known), MOVED.get(override.key, {})))
        if name in known:
            parts.load_yaml(override.key, name)  # raises if its file is unreadable
        if override.key == "experiment" and name in known:
            _check_experiment(name, parts)


def require_valid_value(override: Override, sweep: bool = False) -> None:
    """Raise BadParams if a value cannot be parsed, has the wrong type, or is a list of choices outside a sweep."""
    if override.text is None:
        return
    parsed = parse_override(str(override))
    if parsed is None:
        raise BadParams(f"{override} cannot be parsed: quote values that contain special characters.")
    if parsed.is_sweep_override() and not sweep:
        raise BadParams(f"{override} has several values: add -m for a sweep. If it is one value, quote it.")
    for value in sweep_values(override.text) if override.key in SETTINGS else []:
        _check_setting(override.key, value)
        if sweep:  # else the first runs are done before a bad one is found
            _check_range(override.key, value)


def _check_setting(key: str, value: object) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_setting(f"{key}.{name}", inner)
        return
    if key not in SETTINGS:
        raise unknown_setting_error(key, set())
    try:
        require_type(key, value)
    except OmegaConfBaseException:
        raise InvalidSetting(key, value, describe_type_of_setting(key)) from None


def _check_range(key: str, value: object) -> None:
    """Raise InvalidSetting for a value that this setting can never have."""
    values: dict[str, object] = {}
    for name in reversed(key.split(".")):
        values = {name: values or value}
    try:
        from_plain(Settings, values)
    except InvalidSetting as error:
        if error.name == key:
            raise


def _check_experiment(name: str, parts: ChosenParts) -> None:
    """Check the settings in an experiment's file, because Hydra's own error would only name the schema."""
    file, content = parts.files_by_name("experiment")[name], parts.load_yaml("experiment", name)
    if content.keys() - {"defaults"} and not re.search(
        r"^#\s*@package\s+_global_", file.read_text(encoding="utf-8"), re.MULTILINE
    ):
        raise BadParams(f"{file} is not an experiment: its first line must be '# @package _global_'.")
    try:
        for key in sorted(content.keys() & SETTINGS.keys()):
            _check_setting(key, content[key])
    except BadParams as error:
        raise BadParams(f"{file}: {error}") from None


def unknown_setting_error(key: str, others: set[str]) -> BadParams:
    """Return the error for an unknown setting; suggest names of its group, else `others`."""
    group = f"{key.rpartition('.')[0]}."
    known = [name for name in SETTINGS if name.startswith(group)] or sorted(others)
    return BadParams(f"There is no setting '{key}'.{did_you_mean(key, known)} Known: {', '.join(known)}.")


def misplaced_word_error(word: str, before: str) -> BadParams:
    """Return the error for a word without an equals sign that follows the word `before`."""
    key, equals, value = before.partition("=")
    hint = f" If it belongs to the value before it, use quotes: {quote_argument(f'{before} {word}')}"
    if not value:
        hint = f" If it is the value of {key}, write it without a blank: {quote_argument(before + word)}"
    elif key in GROUPS and NAME.match(word):
        hint = f" To try several in a sweep, write a comma without a blank: -m {before},{word}"
    return BadParams(
        f"'{word}' is not of the form key=value. A command such as 'export' must come first.{hint if equals else ''}"
    )


def bare_words(words: Sequence[str]) -> list[str]:
    """Return the words of a task without an equals sign. Raises BadParams if a blank separates a name and its value."""
    for word, following in pairwise(words):
        if word.endswith("=") and "=" not in following:
            whole = quote_argument(f"{word}{following}")
            raise BadParams(f"There is a blank after '{word}'. Write it without: {whole}")
    return [word for word in words if "=" not in word and not word.startswith("~")]


def require_equals_signs(words: Sequence[str]) -> None:
    """Raise BadParams for a setting without an equals sign, or with a blank before its equals sign."""
    names = {*SETTINGS, *GROUPS}.difference(REGISTRIES["task"].parts())
    for word, following, last in zip(words, [*words[1:], ""], [*words[2:], "", ""], strict=False):
        if "=" not in word and following.startswith("="):
            whole = quote_argument(f"{word}{following}{last if following == '=' else ''}")
            raise BadParams(f"There is a blank before the equals sign of '{word}'. Write it without: {whole}")
        name, _, value = word.partition(" ")
        if "=" not in word and name in names:
            value = value.strip() or ("" if "=" in following else following) or "VALUE"
            raise BadParams(f"'{word}' has no value. Put an equals sign before it: {quote_argument(f'{name}={value}')}")


def check_added_setting(override: Override) -> None:
    """Warn of a setting that a plus sign adds: Hydra allows any name. Raises BadParams for a likely typing error."""
    if did_you_mean(override.key, [*SETTINGS]):
        raise unknown_setting_error(override.key, {*SETTINGS})
    log.warning("%s: no part of alframe reads this setting, unless a YAML file of yours does.", override)
