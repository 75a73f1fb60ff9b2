"""Project folders: which one a command means, and the choices it was started with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from alframe.errors import StoreError
from alframe.store.files import replacing
from alframe.store.ledger import FILE_NAME

CHOICES = "alframe.yaml"
_TRANSIENT = ("project", "runs", "task", "hydra", "compute")


def with_saved_choices(words: Sequence[str], task: str) -> list[str]:
    """Put a project's own choices before the words of the command, so that the command wins.

    A project is meant by ``project=FOLDER``; tasks other than run mean the latest one when none is given.
    """
    given = {word.lstrip("+").partition("=")[0]: word.partition("=")[2] for word in words if "=" in word}
    folder = Path(given["project"].strip("'\"")) if given.get("project") not in (None, "null") else None
    runs = Path(given.get("runs", "alframe-runs").strip("'\""))
    if folder is None and task != "run" and not _chooses_campaign(given):
        folder = latest_project(runs)
        if folder is not None:
            words = [f"project='{folder.as_posix()}'", *words]
    if folder is None:
        return list(words)
    saved = [word for word in load_choices(folder) if not _overruled(word.lstrip("+").partition("=")[0], given)]
    flags = [word for word in words if word.startswith("-")]
    return [*flags, *saved, *(word for word in words if not word.startswith("-"))]


def _overruled(key: str, given: Mapping[str, str]) -> bool:
    """Also by the choice of another part: the old one's parameters are not the new one's."""
    return key in given or ("." in key and key.partition(".")[0] in given)


def _chooses_campaign(given: Mapping[str, str]) -> bool:
    return any(key.partition(".")[0] not in (*_TRANSIENT, "") for key in given)


def latest_project(runs: Path) -> Path | None:
    """The project below `runs` that was worked on last."""
    ledgers = sorted(runs.glob(f"*/{FILE_NAME}"), key=lambda file: _touched(file), reverse=True)
    return ledgers[0].parent.resolve() if ledgers else None


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


def save_choices(folder: Path, words: Sequence[str]) -> None:
    """Keep the overrides that make this campaign what it is, with absolute paths."""
    kept: dict[str, str] = {}
    for word in words:
        key = word.lstrip("+~").partition("=")[0]
        if "=" in word and key.partition(".")[0] not in _TRANSIENT:
            kept[key] = word
    text = yaml.safe_dump({"choices": [_absolute(word) for word in kept.values()]}, allow_unicode=True, width=1000)
    file = folder / CHOICES
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        with replacing(file) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _absolute(word: str) -> str:
    key, _, value = word.partition("=")
    bare = value.strip("'\"")
    if is_path(key.lstrip("+")) and bare not in ("", "null"):
        return f"{key}='{Path(bare).absolute().as_posix()}'"
    return word


def is_path(key: str) -> bool:
    """Whether a parameter holds a path, by its name: `root`, `file`, ... or one that ends in it."""
    leaf = key.rpartition(".")[2]
    names = ("root", "file", "path", "folder", "weights", "truth", "images", "out")
    return leaf in names or leaf.endswith(tuple(f"_{name}" for name in names)) or key == "task.model"


def folder_name(pool: Mapping[str, Any], sampler: str, seed: int, identity: str, people: bool) -> str:
    """A project's folder below `runs`.

    People's work is named after the pool alone, so that no other option ever parts them from their labels; a
    simulation is named after all that decides its result, so that no two share a ledger.
    """
    if not people:
        return f"{_slug(str(pool['name']))}-{_slug(sampler)}-seed{seed}-{identity[:8]}"
    place = str(pool.get("root") or pool.get("file") or pool["name"])
    digest = hashlib.blake2b(place.encode(), digest_size=4).hexdigest()
    return f"{_slug(Path(place).stem)}-{digest}"


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[:60] or "pool"
