"""The words of a command: the flags of Hydra, and the overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alframe.app.grammar import plain_value
from alframe.errors import BadParams

SEARCH_PATH = "hydra.searchpath"
_OVERRIDE = re.compile(r"^(?P<sign>~|\+\+|\+|)(?P<key>[\w./@:$-]+)(?:=(?P<value>.*))?$", re.DOTALL)
FLAGS_WITH_VALUE = frozenset(
    {"-c", "--cfg", "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"}
    | {"--experimental-rerun", "-i", "--info"}
)
CONFIG_DIR = ("-cd", "--config-dir")
COMPLETION = ("-sc", "--shell-completion")
_FLAGS = FLAGS_WITH_VALUE | {"--help", "--hydra-help", "--version", "--resolve", "--run", "--multirun", *COMPLETION}
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


@dataclass(frozen=True)
class Override:
    """One override: the choice of a group, a setting, or a parameter of a part.

    `text` is the value in Hydra's grammar (None for a ``~key`` without a value). `sign` is the sign before the key:
    "", ``+``, ``++`` or ``~``.
    """

    key: str
    text: str | None
    sign: str = ""

    @classmethod
    def read(cls, word: str) -> Override | None:
        """Split a word at its first ``=`` and return the override, or None if the word is no override."""
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
    def parsed_value(self) -> Any:
        """The plain value; None if there is none, or if Hydra cannot read it."""
        return None if self.text is None else plain_value(self.text)

    @property
    def chosen_names(self) -> list[str]:
        """The names that are chosen in a group: one, or several in a list or a sweep."""
        return [name.strip() for name in (self.text or "").strip("[]").split(",") if name.strip()]


Overrides = Mapping[str, Override]


def overrides_by_key(overrides: Iterable[Override | None]) -> dict[str, Override]:
    """Return the overrides by key. If a key occurs several times, the last override wins."""
    return {override.key: override for override in overrides if override is not None}


def split_flags(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the flags with their values, and the overrides. (Hydra's parser does not allow -m between overrides).

    Raises BadParams for two flags that exclude each other.
    """
    flags: list[str] = []
    overrides: list[str] = []
    before = ""
    for word in words:
        # --info is the one flag that may stand alone.
        is_value = before in FLAGS_WITH_VALUE and (before not in ("-i", "--info") or word in _INFO)
        if is_value or word.startswith("-"):
            flags.append("-m" if word == "--multirun" else word)
        else:
            overrides.append(word)
        before = "" if is_value else word
    shown = {"-c", "--cfg", "-i", "--info"} & {flag.partition("=")[0] for flag in flags}
    if "-m" in flags and shown:
        raise BadParams(f"-m and {shown.pop()} cannot be combined. Remove -m to see the configuration of one run.")
    return flags, overrides


def expand_option(word: str) -> str:
    """Return `--watch` as `watch=true` and `--show=5` as `show=5`. The flags of Hydra stay unchanged."""
    name, equals, value = word.partition("=")
    if not name.startswith("--") or name in _FLAGS:
        return word
    return f"{name[2:]}={value}" if equals else f"{name[2:]}=true"


def flag_value(flags: Sequence[str], *names: str) -> str | None:
    """Return the value of the flag with one of these names. It is the next word, or follows an `=`."""
    for flag, following in zip(flags, [*flags[1:], ""], strict=False):
        name, equals, value = flag.partition("=")
        if name in names:
            return value if equals else following
    return None
