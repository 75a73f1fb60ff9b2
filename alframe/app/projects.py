"""Project folders: which one a command means, and the choices it was started with."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from alframe.app.conf_root import conf_folder
from alframe.app.grammar import by_key, flag_value, quoted, readable, search_folders, split_flags, value_of
from alframe.app.search_path import options
from alframe.builtins import KINDS
from alframe.errors import BadParams, FormatError, PoolError, StoreError, UnknownComponent, UnmetNeed
from alframe.store.files import replacing
from alframe.store.ledger import FILE_NAME, Ledger

CHOICES = "alframe.yaml"
SEARCH_PATH = "hydra.searchpath"
_TRANSIENT = ("project", "runs", "task", "hydra", "compute")


def with_saved_choices(words: Sequence[str]) -> list[str]:
    """Put a project's own choices before the words of the command, so that the command wins.

    A project is meant by ``project=FOLDER``; tasks other than run mean the latest one when none is given.
    """
    flags, rest = split_flags(words)
    given = by_key(rest)
    folder = named(rest)
    if folder is None and value_of(given, "task") not in (None, "run") and not _chooses_campaign(given):
        folder = latest_project(absolute(str(value_of(given, "runs") or "alframe-runs")))
        if folder is not None:
            rest = [f"project={quoted(folder.as_posix())}", *rest]
    elif folder is not None and ("-m" in flags or value_of(given, "hydra.mode") == "MULTIRUN"):
        raise BadParams(
            "A sweep makes a project folder for each of its runs, below `runs`. Leave project=... out; "
            "runs=FOLDER says where they go."
        )
    saved = by_key(load_choices(folder)) if folder else {}
    if folder and not saved and value_of(given, "task") in (None, "run") and not _chooses_campaign(given):
        raise StoreError(
            f"There is no project in {folder}. To begin one there, say on which images: "
            f"python -m alframe project=FOLDER pool=folder pool.root=IMAGES label_source=csv"
        )
    if any(key.startswith("pool.") for key in given) and not {"pool", "experiment"} & {*given, *saved}:
        key = next(key for key in given if key.startswith("pool."))
        raise BadParams(f"{key} is given, but not which kind of pool it is for. Images in a folder: pool=folder.")
    if flag_value(flags, "-cd", "--config-dir") is not None:
        saved.pop(SEARCH_PATH, None)
    return [*flags, *(word for key, word in saved.items() if not _overruled(key, saved, given)), *rest]


def named(words: Sequence[str]) -> Path | None:
    """The folder that ``project=FOLDER`` names, quoted for Hydra or not."""
    text = by_key(words).get("project", "").partition("=")[2]
    folder = value_of({"project": f"project={readable(text, place=True, sweep=False)}"}, "project")
    return absolute(str(folder)) if folder else None


def absolute(path: str, cwd: Path | None = None) -> Path:
    """A path as people write it, from here (or `cwd`), or with ``~`` from their home."""
    with suppress(RuntimeError):  # ~name of nobody: a folder may be called so
        return (cwd or Path.cwd()) / Path(path).expanduser()
    return (cwd or Path.cwd()) / path


def _overruled(key: str, saved: Mapping[str, str], given: Mapping[str, str]) -> bool:
    """Also by the choice of another part: the old one's parameters are not the new one's."""
    kind, _, below = key.partition(".")
    if key in given or not below or kind not in KINDS or not {kind, "experiment"} & given.keys():
        return key in given
    chosen = _chosen(kind, {**saved, **given})
    if kind in ("exporter", "tracker"):  # of which there are several, each with parameters of its own
        return below.partition(".")[0] not in chosen
    return chosen != _chosen(kind, saved)


def _chosen(kind: str, words: Mapping[str, str]) -> list[str]:
    choice = value_of(words, kind) if kind in words else _defaults(words).get(kind)
    return choice if isinstance(choice, list) else [str(choice)]


def _defaults(words: Mapping[str, str]) -> dict[str, Any]:
    """What is chosen of each kind where the words do not say otherwise."""
    experiments = options("experiment", search_folders([], words.values()))
    files = [conf_folder() / "config.yaml", experiments.get(str(value_of(words, "experiment")))]
    configs = [yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in files if file]
    choices = [one for config in configs for one in config.get("defaults", []) if isinstance(one, dict)]
    return {key.removeprefix("override ").strip("/"): name for one in choices for key, name in one.items()}


def _chooses_campaign(given: Mapping[str, str]) -> bool:
    return any(key.partition(".")[0] not in (*_TRANSIENT, "") for key in given)


def latest_project(runs: Path) -> Path | None:
    """The project below `runs` that was worked on last; one in which nothing was ever asked or known is none."""
    ledgers = sorted(runs.glob(f"*/{FILE_NAME}"), key=_touched, reverse=True)
    return next((file.parent.resolve() for file in ledgers if _has_begun(file.parent)), None)


def _has_begun(folder: Path) -> bool:
    try:
        with Ledger.open(folder, read_only=True) as ledger:
            return bool(ledger.rounds() or ledger.last_label_row())
    except StoreError:
        return False


def _touched(ledger: Path) -> float:
    # In WAL mode the newest changes are in a file beside the ledger.
    beside = [ledger, ledger.with_name(ledger.name + "-wal")]
    return max(file.stat().st_mtime for file in beside if file.exists())


def load_choices(folder: Path) -> list[str]:
    """The overrides a project was started with; none if it is new. Raises StoreError if the file is damaged."""
    file = folder / CHOICES
    if not file.exists():
        return []
    try:
        choices = yaml.safe_load(file.read_text(encoding="utf-8"))["choices"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise StoreError(f"{file} is damaged: {error}. Delete it, and give all choices on the command line.") from None
    return [str(word) for word in choices]


@contextmanager
def choices_kept(folder: Path, words: Sequence[str], search_path: Sequence[str] = ()) -> Iterator[None]:
    """Keep the overrides that make this campaign what it is, with absolute paths; but not if they prove impossible.

    `search_path`: the user's own configuration folders, in which some of the choices lie.
    """
    kept = {key: word for key, word in by_key(words).items() if key.partition(".")[0] not in _TRANSIENT}
    choices = [_with_absolute_path(key, word) for key, word in kept.items()]
    if search_path:
        choices.append(f"{SEARCH_PATH}=[{','.join(quoted(f'file://{place}') for place in search_path)}]")
    file = folder / CHOICES
    before = file.read_text(encoding="utf-8") if file.exists() else None
    now = yaml.safe_dump({"choices": choices}, allow_unicode=True, width=1000)
    if now != before:
        _write(file, now)
    try:
        yield
    except (BadParams, UnknownComponent, UnmetNeed, PoolError, FormatError):
        if before is None and not _has_begun(folder):
            file.unlink(missing_ok=True)
        elif before is not None and now != before:
            _write(file, before)
        raise


def _write(file: Path, text: str) -> None:
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _with_absolute_path(key: str, word: str) -> str:
    value = value_of({key: word}, key)
    if not is_path(key) or not value or "${" in word:
        return word
    if isinstance(value, str):
        return f"{word.partition('=')[0]}={quoted(absolute(value).as_posix())}"
    if isinstance(value, list):
        return f"{word.partition('=')[0]}=[{','.join(quoted(absolute(str(one)).as_posix()) for one in value)}]"
    return word


def is_path(key: str) -> bool:
    """Whether a parameter holds a path, by its name: `root`, `file`, ... or one that ends in it."""
    leaf = key.rpartition(".")[2]
    names = ("root", "file", "files", "path", "folder", "weights", "truth", "images", "out")
    more = ("set", "exports", "detections", "deployments")
    return leaf in names + more or leaf.endswith(tuple(f"_{name}" for name in names)) or key == "task.model"


def folder_name(pool: Mapping[str, Any], sampler: str, seed: int, identity: str, people: bool) -> str:
    """A project's folder below `runs`.

    People's work is named after the pool alone, so that no other option ever parts them from their labels; a
    simulation is named after all that decides its result, so that no two share a ledger.
    """
    if not people:
        return f"{_slug(str(pool['name']))}-{_slug(sampler)}-seed{seed}-{identity[:8]}"
    # A set of test images apart (test_root) may be added to a campaign later on.
    paths = {key: pool[key] for key in sorted(pool) if pool[key] and is_path(key) and not key.startswith("test_")}
    places = {key: os.path.normcase(os.path.normpath(path)) for key, path in paths.items()}
    digest = hashlib.blake2b(repr(places or pool["name"]).encode(), digest_size=4).hexdigest()
    return f"{_slug(Path(str(paths.get('root') or paths.get('file') or pool['name'])).stem)}-{digest}"


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[:60] or "pool"
