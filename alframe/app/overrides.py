"""Make the words on the command line into Hydra overrides, and catch slips while they can still be explained.

Hydra refuses a wrong name or key with a message about its own internals; a user is better served by "did you mean".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import yaml

from alframe.app import projects
from alframe.app.grammar import by_key, parsed, plain_word, readable, search_folders, split_flags
from alframe.app.schema import SCHEMA
from alframe.app.search_path import options
from alframe.builtins import KINDS
from alframe.errors import BadParams, UnknownComponent
from alframe.registry import did_you_mean, unknown_name

GROUPS = (*KINDS, "experiment")
SETTINGS = tuple(field.name for field in fields(SCHEMA))
_OVERRIDE = re.compile(r"^(?P<sign>~|\+\+|\+|)(?P<key>[\w./@:$-]+)=(?P<value>.*)$", re.DOTALL)
_WORD = re.compile(r"^[\w-]+$")


def complete(words: Sequence[str]) -> list[str]:
    """The words of a command as Hydra takes them, with the choices that its project was started with.

    Raises UnknownComponent, BadParams, or StoreError for choices that cannot be read.
    """
    words = list(map(plain_word, words))
    flags, _ = split_flags(words)
    if {"-sc", "--shell-completion"} & set(flags):
        return list(words)  # its overrides are questions to Hydra's completion
    prepared = prepare(words)
    completed = projects.with_saved_choices(prepared)
    try:
        _check_names(completed)
    except UnknownComponent as error:
        raise UnknownComponent(
            f"{error} The project was started with it. Install again what brings it, name the folder of its YAML file "
            f"with --config-dir, or choose another."
        ) from None
    return completed


def prepare(words: Sequence[str]) -> list[str]:
    """Words to overrides: a bare verb first becomes ``task=verb``, values are quoted, names and keys are checked.

    Raises UnknownComponent or BadParams.
    """
    flags, rest = split_flags(map(plain_word, words))
    if rest and _WORD.match(rest[0]):
        rest[0] = f"task={rest[0]}"
    stray = [word for word in rest if not _OVERRIDE.match(word) and not word.startswith("~")]
    if stray:
        raise BadParams(f"'{stray[0]}' is not of the form key=value. A verb comes first: alframe {stray[0]} ...")
    folder = projects.named(rest)
    extra = search_folders(flags, [*(projects.load_choices(folder) if folder else []), *rest])
    missing = [one for one in search_folders(flags, []) if not one.is_dir()]
    if missing:
        raise BadParams(f"--config-dir: there is no folder {missing[0]}.")
    task = next((word.partition("=")[2] for word in reversed(rest) if word.startswith("task=")), "run")
    prepared = [_prepare_one(word, task, extra, sweep="-m" in flags) for word in rest]
    _check_names([*flags, *prepared], extra)
    unreadable = [word for word in prepared if parsed(word) is None]
    if unreadable:
        raise BadParams(f"{unreadable[0]} cannot be read: put texts with special characters in quotes of their own.")
    return [*flags, *prepared]


def _prepare_one(word: str, task: str, extra: Sequence[Path], sweep: bool) -> str:
    match = _OVERRIDE.match(word)
    if match is None:  # ~key: none of it
        return f"{word[1:]}=[]" if word[1:] in GROUPS else word
    sign, key, value = match["sign"], match["key"], match["value"]
    top, _, below = key.partition(".")
    if key in GROUPS:
        # An empty list is how Hydra says "none of this group"; it takes no null here. Every group has a default, which
        # is replaced and not added to.
        names = ["[]" if one.lower() in ("null", "none") else one for one in value.split(",")]
        return f"{'~' if sign == '~' else ''}{key}={','.join(names)}"
    if key == "compare" and not value.startswith("{"):
        key = "compare.sampler"
    elif top in KINDS and below:
        # A part's own signature names the parameters it takes; Hydra is told to let any key through to it.
        sign = sign or "++"
        if not sweep and value and value[0] not in "[{'\"$" and _takes_list(top, key, extra):
            names = [readable(one, projects.is_path(key), sweep=False) for one in value.split(",")]
            return f"{sign}{key}=[{','.join(names)}]"
    elif not (top in SETTINGS or top == "hydra" or "/" in key or "@" in key or sign in ("+", "++")):
        key = _task_parameter(key, task, extra)
    if key == "classes" and value[:1] not in ("[", "$"):
        names = [] if value == "null" else [readable(one, place=False, sweep=False) for one in value.split(",")]
        return f"{sign}{key}=[{','.join(names)}]"
    place = projects.is_path(key) or key in ("project", "runs")
    return f"{sign}{key}={readable(value, place, sweep)}"


def _takes_list(kind: str, key: str, extra: Sequence[Path]) -> bool:
    """Whether a part of this kind has a list for this parameter."""
    leaf = key.rpartition(".")[2]
    files = options(kind, extra).values()
    return any(isinstance((yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get(leaf), list) for file in files)


def _task_parameter(key: str, task: str, extra: Sequence[Path]) -> str:
    """A task's own parameters are given without a prefix."""
    tasks = options("task", extra)
    if task not in tasks:
        raise UnknownComponent(unknown_name("task", task, sorted(tasks)))
    params = list(yaml.safe_load(tasks[task].read_text(encoding="utf-8")))
    if key in params:
        return f"task.{key}"
    known_keys = sorted({*SETTINGS, *GROUPS, *(set(params) - {"name"})})
    raise BadParams(f"There is no setting '{key}'.{did_you_mean(key, known_keys)} Known: {', '.join(known_keys)}.")


def _check_names(words: Sequence[str], extra: Sequence[Path] | None = None) -> None:
    flags, overrides = split_flags(words)
    extra = search_folders(flags, overrides) if extra is None else extra
    for group, word in by_key(overrides).items():
        if group in GROUPS:
            known = options(group, extra)
            for name in word.partition("=")[2].strip("[]").split(","):
                if _WORD.match(name) and name not in known:
                    raise UnknownComponent(unknown_name(group, name, sorted(known)))
