"""The grammar of Hydra's command line: values quoted for it and read back, and flags told from overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, Quote, QuotedString, ValueType
from hydra.errors import HydraException

FLAGS_WITH_VALUE = frozenset(
    {"-c", "--cfg", "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"}
    | {"--experimental-rerun", "-i", "--info"}
)
_FLAGS = FLAGS_WITH_VALUE | {
    "--help",
    "--hydra-help",
    "--version",
    "--resolve",
    "--run",
    "--multirun",
    "--shell-completion",
}
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_FILE_URL = re.compile(r"^file://")


def split_flags(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Flags with their values, and overrides: Hydra's parser does not take -m between overrides."""
    flags: list[str] = []
    rest: list[str] = []
    before = ""
    for word in words:
        # --info is the one flag that may stand alone.
        value = before in FLAGS_WITH_VALUE and (before not in ("-i", "--info") or word in _INFO)
        if value or word.startswith("-"):
            flags.append("-m" if word == "--multirun" else word)
        else:
            rest.append(word)
        before = "" if value else word
    return flags, rest


def plain_word(word: str) -> str:
    """`--watch` as `watch=true` and `--show=5` as `show=5`, as other programs take them; Hydra's own flags stay."""
    name, equals, value = word.partition("=")
    if not name.startswith("--") or name in _FLAGS:
        return word
    return f"{name[2:]}={value}" if equals else f"{name[2:]}=true"


def flag_value(flags: Sequence[str], *names: str) -> str | None:
    """The value of a flag that was given by one of its names, as two words or as one with `=`."""
    for flag, following in zip(flags, [*flags[1:], ""], strict=False):
        name, equals, value = flag.partition("=")
        if name in names:
            return value if equals else following
    return None


def key_of(word: str) -> str:
    """What an override sets."""
    return word.lstrip("+~").partition("=")[0]


def by_key(words: Iterable[str]) -> dict[str, str]:
    """The overrides by what they set; of several the last."""
    return {key_of(word): word for word in words}


def parsed(word: str) -> Override | None:
    """What Hydra makes of an override; None if it cannot read it."""
    try:
        return _parser().parse_override(word)
    except HydraException:
        return None


def value_of(words: Mapping[str, str], key: str) -> Any:
    """The plain value that an override in `by_key` gives to this key; None if there is none."""
    override = parsed(words[key]) if key in words else None
    return None if override is None else override.value()


def quoted(text: str) -> str:
    """The text as a value that Hydra reads as this very text."""
    return QuotedString(text, Quote.single).with_quotes()


def readable(value: str, place: bool, sweep: bool) -> str:
    """The value so that Hydra reads what was meant; it stays as it is where Hydra does anyway.

    A place on disk is meant letter by letter: a folder 2026_05 is not the number 202605. In a sweep, commas part
    choices.
    """
    override = parsed(f"x={value}")
    if override is None:
        if not place and value[:1] in ("[", "{"):
            return value  # a list or mapping with a slip in it is not a text
    elif not place or _is_meant(override, value) or (sweep and _is_function(override)):
        return value
    if sweep and "," in value and not (place and _exists(value)):
        return ",".join(readable(one, place, sweep=False) for one in value.split(","))
    return quoted(value)


def search_folders(flags: Sequence[str], words: Iterable[str]) -> list[Path]:
    """The user's own configuration folders."""
    given = flag_value(flags, "-cd", "--config-dir")
    more = value_of(by_key(words), "hydra.searchpath") or []
    return [Path(_FILE_URL.sub("", one)) for one in [*([given] if given else []), *more] if "pkg://" not in one]


def _is_meant(override: Override, value: str) -> bool:
    meant = override.value()
    as_list = isinstance(meant, list | dict) and not _exists(value)
    return value[:1] in ("'", '"') or meant is None or meant == value or as_list


def _is_function(override: Override) -> bool:
    """A choice by glob(), range() and the like, or of quoted texts or lists, in which commas mean something else."""
    choices = override._value.list if isinstance(override._value, ChoiceSweep) else []
    simple = override.value_type is ValueType.SIMPLE_CHOICE_SWEEP
    special = any(isinstance(one, QuotedString | list | dict) for one in choices)
    return override.is_sweep_override() and (special or not simple)


def _exists(value: str) -> bool:
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        return False


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()
