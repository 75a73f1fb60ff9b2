"""The cache of a project: which folder it is, and what becomes of it when the project is moved."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from alframe.store.files import write_text
from alframe.store.ledger import LEDGER_NAME

CONTENTS_NAME = "contents.sqlite"
RECORD_NAME = "cache-folder.txt"  # in the project: the path of the cache that it uses
log = logging.getLogger(__name__)


def find_cache_folder(folder: Path, runs: Path) -> Path:
    """Return the folder of the cache for the project `folder`; `runs` is that of the projects without a name.

    Projects side by side share what they have embedded; a project elsewhere keeps its own. A project that was moved
    goes on with the cache that it has recorded, unless there is one at the new place.
    """
    beside, own = folder.parent / "cache", folder / "cache"
    for cache in (beside, own):
        if _is_cache(cache):
            return cache
    recorded = _recorded_cache_folder(folder)
    if recorded is not None and _is_cache(recorded) and os.access(recorded, os.W_OK):
        return recorded
    return beside if folder.parent == runs else own


def record_cache_folder(folder: Path, cache: Path) -> None:
    """Record in the project which cache it uses, and say so if that is not the one of its place, or a new one."""
    recorded, own = _recorded_cache_folder(folder), folder / "cache"
    if cache not in (own, folder.parent / "cache"):
        log.info(
            "This project was moved. It uses the embeddings in %s, at its old place. To keep them with the project, "
            "copy that folder to %s.",
            *(cache, own),
        )
    elif recorded is not None and recorded != cache and _is_cache(recorded) and not _is_cache(cache):
        log.warning(
            "The embeddings of this project are in %s, which cannot be written to. What is missing in %s is embedded "
            "again. To use the old embeddings, stop now and copy that folder to the new place.",
            *(recorded, cache),
        )
    elif recorded is not None and recorded != cache and _is_cache(recorded):
        log.info("This project uses the embeddings in %s from now on; the earlier ones are in %s.", cache, recorded)
    elif recorded != cache and (folder / LEDGER_NAME).exists() and not _is_cache(cache):
        log.warning(
            "This project has no embeddings in %s%s, so its images are embedded again. If the project was moved, stop "
            "now and copy the folder 'cache' from beside its old place to %s.",
            *(cache, "" if recorded is None else f", nor in {recorded}", cache),
        )
    if recorded != cache:
        write_text(folder / RECORD_NAME, f"{cache}\n")


def _recorded_cache_folder(folder: Path) -> Path | None:
    try:
        text = (folder / RECORD_NAME).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # a new project, one of an earlier version, or a damaged file
        return None
    return Path(text) if text else None


def _is_cache(folder: Path) -> bool:
    return (folder / CONTENTS_NAME).is_file()
