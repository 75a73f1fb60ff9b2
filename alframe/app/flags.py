"""Hydra's flags, told from overrides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

FLAGS_WITH_VALUE = frozenset(
    {"-c", "--cfg", "-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"}
    | {"--experimental-rerun", "-i", "--info"}
)
CONFIG_DIR = ("-cd", "--config-dir")
COMPLETION = ("-sc", "--shell-completion")
_FLAGS = FLAGS_WITH_VALUE | {"--help", "--hydra-help", "--version", "--resolve", "--run", "--multirun", *COMPLETION}
_INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")


def split_flags(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return flags with their values, and overrides: Hydra's parser does not take -m between overrides."""
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
    return flags, overrides


def expand_option(word: str) -> str:
    """Return `--watch` as `watch=true` and `--show=5` as `show=5`, as other programs take them; not Hydra's flags."""
    name, equals, value = word.partition("=")
    if not name.startswith("--") or name in _FLAGS:
        return word
    return f"{name[2:]}={value}" if equals else f"{name[2:]}=true"


def flag_value(flags: Sequence[str], *names: str) -> str | None:
    """Return the value of a flag that was given by one of its names, as two words or as one with `=`."""
    for flag, following in zip(flags, [*flags[1:], ""], strict=False):
        name, equals, value = flag.partition("=")
        if name in names:
            return value if equals else following
    return None
