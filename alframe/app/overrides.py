"""Overrides as values: what each sets, and to what, in Hydra's grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alframe.app.grammar import plain_value

SEARCH_PATH = "hydra.searchpath"
_OVERRIDE = re.compile(r"^(?P<sign>~|\+\+|\+|)(?P<key>[\w./@:$-]+)(?:=(?P<value>.*))?$", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """What one override sets: a group's choice, a setting, or a parameter of a part.

    `text` is the value in Hydra's grammar (None: of a bare ``~key``); `sign` is Hydra's: nothing, ``+``, ``++`` or
    ``~``.
    """

    key: str
    text: str | None
    sign: str = ""

    @classmethod
    def read(cls, word: str) -> Override | None:
        """Split a word at its first ``=``; None if it is not an override."""
        match = _OVERRIDE.match(word)
        if match is None or (match["value"] is None and match["sign"] != "~"):
            return None
        return cls(match["key"], match["value"], match["sign"])

    def __str__(self) -> str:
        return f"{self.sign}{self.key}" + ("" if self.text is None else f"={self.text}")

    @property
    def kind(self) -> str:
        """The first part of the key: a kind of parts, a setting or a group of settings."""
        return self.key.partition(".")[0]

    @property
    def value(self) -> Any:
        """The plain value; None if there is none, or if Hydra cannot read it."""
        return None if self.text is None else plain_value(self.text)

    @property
    def names(self) -> list[str]:
        """The names that a group's choice chooses, several in a list or a sweep."""
        return [name.strip() for name in (self.text or "").strip("[]").split(",") if name.strip()]


Overrides = Mapping[str, Override]


def by_key(overrides: Iterable[Override | None]) -> dict[str, Override]:
    """Return the overrides by key; the last of several for one key wins."""
    return {override.key: override for override in overrides if override is not None}


def leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value in a mapping of mappings with its full key; a value that is not a mapping is yielded itself."""
    if not isinstance(value, Mapping):
        yield key, value
        return
    for name, inner in value.items():
        yield from leaves(f"{key}.{name}", inner)


def search_folders(overrides: Overrides) -> list[Path]:
    """Return the user's own configuration folders that ``hydra.searchpath`` names."""
    given = overrides[SEARCH_PATH].value if SEARCH_PATH in overrides else None
    return [Path(folder.removeprefix("file://")) for folder in given or [] if "pkg://" not in folder]
