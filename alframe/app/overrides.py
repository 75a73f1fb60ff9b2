"""Make the words on the command line into Hydra overrides, and catch slips while they can still be explained.

Hydra refuses a wrong name or key with a message about its own internals; a user is better served by "did you mean".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import yaml

from alframe.app.conf_root import conf_folder
from alframe.app.projects import is_path
from alframe.app.schema import Root
from alframe.app.search_path import plugin_confs
from alframe.builtins import KINDS
from alframe.errors import BadParams, UnknownComponent
from alframe.registry import did_you_mean, unknown

GROUPS = (*KINDS, "experiment")
SETTINGS = tuple(Root.__dataclass_fields__)
_OVERRIDE = re.compile(r"^(?P<sign>~|\+\+|\+|)(?P<key>[\w./@]+)=(?P<value>.*)$", re.DOTALL)
_WORD = re.compile(r"^[\w-]+$")
_NUMBERS = re.compile(r"^[\d.+-][\d.,_e+-]*$", re.IGNORECASE)
_SPECIAL = set(" ,()[]{}=:\\'\"")


def options(group: str, extra: Sequence[Path] = ()) -> dict[str, Path]:
    """Every name that can be chosen in this group, with its file: ours first, then plugins', then the user's."""
    folders = [conf_folder(), *(conf.folder for conf in plugin_confs() if conf.folder is not None), *extra]
    found: dict[str, Path] = {}
    for folder in folders:
        for file in sorted((folder / group).glob("*.yaml")):
            found.setdefault(file.stem, file)
    return found


def prepare(words: Sequence[str]) -> list[str]:
    """Words to overrides: a bare verb first becomes ``task=verb``, paths are quoted, names and keys are checked.

    Raises UnknownComponent or BadParams.
    """
    flags, rest = _split_flags(words)
    if rest and _WORD.match(rest[0]):
        rest[0] = f"task={rest[0]}"
    stray = [word for word in rest if not _OVERRIDE.match(word) and not word.startswith("~")]
    if stray:
        raise BadParams(f"'{stray[0]}' is not of the form key=value. A verb comes first: alframe {stray[0]} ...")
    extra = _config_dirs(flags)
    task = _chosen_task(rest)
    return [*flags, *(_prepare_one(word, task, extra) for word in rest)]


def _prepare_one(word: str, task: str, extra: Sequence[Path]) -> str:
    match = _OVERRIDE.match(word)
    if match is None:
        return word
    sign, key, value = match["sign"], match["key"], _quoted(match["key"], match["value"])
    top, _, below = key.partition(".")
    if key in GROUPS:
        for name in value.strip("[]").split(","):
            known = options(key, extra)
            if _WORD.match(name) and name not in (*known, "null"):
                raise UnknownComponent(unknown(key, name, sorted(known)))
        # An empty list is how Hydra says "none of this group"; it takes no null here.
        return f"{sign}{key}={','.join('[]' if name == 'null' else name for name in value.split(','))}"
    if top in KINDS and below:
        # A part's own signature names the parameters it takes; Hydra is told to let any key through to it.
        return f"{'++' if sign == '' else sign}{key}={value}"
    if top in SETTINGS or top == "hydra" or "/" in key or "@" in key or sign in ("+", "++"):
        return f"{sign}{key}={value}"
    params = list(yaml.safe_load(options("task", extra)[task].read_text(encoding="utf-8")))
    if key in params:
        return f"task.{key}={value}"
    known_keys = sorted({*SETTINGS, *GROUPS, *(set(params) - {"name"})})
    raise BadParams(f"There is no setting '{key}'.{did_you_mean(key, known_keys)} Known: {', '.join(known_keys)}.")


def _quoted(key: str, value: str) -> str:
    """A value that names something on disk is quoted, if Hydra's grammar would make something else of it."""
    if _NUMBERS.match(value) and (is_path(key) or key in ("project", "runs")):
        return ",".join(f"'{name}'" for name in value.split(","))  # a folder 2026_05 is not the number 202605
    if not _SPECIAL & set(value) or value[:1] in "'\"":
        return value
    try:
        exists = Path(value).exists()
    except OSError:
        return value
    drive = re.match(r"^[A-Za-z]:[\\/]", value) is not None
    if not (exists or drive):
        return value
    body = value.replace("\\'", "\\\\'").replace("'", "\\'")
    # A trailing backslash would escape the closing quote.
    return f"'{body}\\'" if body.endswith("\\") and not body.endswith("\\\\") else f"'{body}'"


def _split_flags(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Flags before overrides: Hydra's parser does not take -m between them."""
    flags, rest, takes_value = [], [], False
    for word in words:
        if takes_value or word.startswith("-"):
            flags.append("-m" if word == "--multirun" else word)
            takes_value = not takes_value and word in ("-cd", "--config-dir", "-cn", "--config-name", "-p", "--package")
        else:
            rest.append(word)
    return flags, rest


def _config_dirs(flags: Sequence[str]) -> list[Path]:
    found = [value for flag, value in pairwise(flags) if flag in ("-cd", "--config-dir")]
    return [Path(one) for one in [*found, *(f.partition("=")[2] for f in flags if f.startswith("--config-dir="))]]


def _chosen_task(words: Sequence[str]) -> str:
    chosen = [word.partition("=")[2] for word in words if word.startswith("task=")]
    known = options("task")
    name = chosen[-1] if chosen else "run"
    if name not in known:
        raise UnknownComponent(unknown("task", name, [*sorted(known), "plugins"]))
    return name
