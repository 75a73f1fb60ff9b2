"""Rewrite the values that people type in Hydra's grammar, so that Hydra reads them as people mean them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote
from urllib.parse import unquote

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf

_PARSER = OverridesParser.create()
MAX_RANGE_STEPS = 1000  # of a range that are looked at before Hydra does
_BRACKETS = {"[": "]", "{": "}", "(": ")"}


@dataclass(frozen=True)
class ValueParsing:
    """How to parse a value: as a string (letter by letter), a path (also a string), a list, or one or several."""

    is_text: bool = False
    is_path: bool = False
    is_list: bool = False
    may_be_list: bool = False


@lru_cache(maxsize=1000)  # a value is parsed to be read, and again to be checked
def parse_override(word: str) -> Override | None:
    """Return the override as Hydra parses it, or None if Hydra cannot read it."""
    try:
        return _PARSER.parse_override(word)
    except (HydraException, ValueError, RecursionError):  # a number of 5,000 digits, brackets without end
        return None


def plain_value(value: str) -> Any:
    """Return the plain value of a string in Hydra's grammar, or None if Hydra cannot read it."""
    override = parse_override(f"x={value}")
    return None if override is None else override.value()


def sweep_values(value: str) -> list[Any]:
    """Return the plain values of a string in Hydra's grammar: several in a sweep, otherwise one.

    The list is empty if only Hydra knows the values (a glob, an interval).
    """
    override = parse_override(f"x={value}")
    if override is None or isinstance(override._value, Glob):
        return []
    if not override.is_sweep_override():
        return [override.value()]
    choices = override._value.list if isinstance(override._value, ChoiceSweep) else []
    steps = list(islice(override._value.range(), MAX_RANGE_STEPS)) if isinstance(override._value, RangeSweep) else []
    return [Override._convert_value(choice) for choice in [*choices, *steps]]


def quote(text: str) -> str:
    """Return a string in quotes, so that Hydra reads exactly this string."""
    return QuotedString(text, Quote.single).with_quotes()


def quote_list(texts: list[str]) -> str:
    """Return a list of strings in quotes, so that Hydra reads exactly these strings."""
    return f"[{','.join(map(quote, texts))}]"


def to_hydra(value: str, value_parsing: ValueParsing, sweep: bool = False) -> str:
    """Return a typed text as a value in Hydra's grammar. If Hydra already reads it as intended, it stays unchanged.

    In a sweep, commas separate choices. Otherwise they separate the elements of a list, if the type allows a list.
    """
    is_one = value_parsing.is_path and value != "" and _exists(value)
    elements = [value] if is_one else list(split_commas(value))
    if sweep and len(elements) > 1:
        return ",".join(to_hydra(element, value_parsing) for element in elements)
    override = parse_override(f"x={value}")
    if sweep and override is not None and override.is_sweep_override() and not is_one:
        return value  # by glob(), range() and the like
    is_list = value_parsing.is_list or (value_parsing.may_be_list and len(elements) > 1)
    if value.startswith("[") and value.endswith("]") and len(elements) == 1 and not is_one:
        elements = list(split_commas(value[1:-1]))
    elif not is_list or sweep or value in ("", "null") or value[0] in "{$":
        return _scalar(value, value_parsing.is_text)
    return f"[{','.join(_scalar(element.strip(), value_parsing.is_text) for element in elements if element.strip())}]"


def _mapping_to_hydra(text: str) -> str | None:
    """Return a mapping in a form that Hydra can read; None if the text is no mapping.

    Hydra's grammar allows no key with letters beyond ASCII, parentheses or quotes.
    """
    try:
        mapping = yaml.load(text, yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    if not isinstance(mapping, dict):
        return None
    mapping = {key: _typed(value) for key, value in mapping.items()}
    # Encoded, because quotes within quotes are read once by Hydra and a second time by OmegaConf.
    encoded = url_quote(json.dumps(mapping, ensure_ascii=False), safe="").replace("~", "%7E")
    return f"${{mapping:{encoded}}}"


OmegaConf.register_new_resolver("mapping", lambda encoded: json.loads(unquote(encoded)), replace=True)


def _typed(value: Any) -> Any:
    """Return a number, a truth value or null as such, and anything else as it is."""
    typed = plain_value(value) if isinstance(value, str) else None
    return typed if isinstance(typed, int | float) or value == "null" else value


def split_commas(text: str) -> Iterator[str]:
    """Yield the elements between commas outside brackets and quotes. A quote counts only at the start of an element."""
    closing, start, quoted_by = [], 0, ""
    for index, character in enumerate(text):
        if quoted_by:
            quoted_by = "" if character == quoted_by and text[index - 1] != "\\" else quoted_by
        elif character in "'\"" and not text[start:index].strip():
            quoted_by = character
        elif character in _BRACKETS:
            closing.append(_BRACKETS[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == "," and not closing:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _scalar(value: str, is_text: bool) -> str:
    override = parse_override(f"x={value}")
    if override is None:
        # A malformed list or mapping is not a string.
        return (_mapping_to_hydra(value) or value) if value[:1] in ("[", "{") else quote(value)
    meant = override.value()
    as_list = isinstance(meant, list | dict) and not _exists(value)
    is_meant = not is_text or value[:1] in ("'", '"') or meant is None or meant == value or as_list
    return value if is_meant else quote(value)


def _exists(value: str) -> bool:
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        return False
