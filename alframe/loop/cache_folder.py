"""The cache folder of a project, also after the project was moved."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from alframe.store.files import write_text
from alframe.store.ledger import LEDGER_NAME

FILE_CACHE_NAME = "contents.sqlite"
CACHE_RECORD_NAME = "cache-folder.txt"  # in the project: the path of its cache, and of one that stands in for it
log = logging.getLogger(__name__)


def find_cache_folder(folder: Path, runs: Path) -> Path:
    """Return the cache folder of the project `folder`; `runs` is the folder of unnamed projects.

    Projects in one folder share their embeddings; a project in another place has its own cache. A project that was
    moved uses its recorded cache, unless its own cache was moved or copied with it.
    """
    beside, own = folder.parent / "cache", folder / "cache"
    recorded, stand_in = _read_record(folder)
    if recorded is None:
        caches = [beside, own]
    else:
        is_writable = os.access(recorded, os.W_OK) and os.access(recorded / FILE_CACHE_NAME, os.W_OK)
        usable = [recorded] if is_writable and _is_cache(recorded) else []
        caches = [*usable, own, beside] if stand_in == own else [own, *usable, beside]
    default = beside if folder.parent == runs else own
    return next(filter(_is_cache, caches), default)


def record_cache_folder(folder: Path, cache: Path) -> None:
    """Record in the project which cache it uses, and log a message if the project was moved or its cache is new.

    If the earlier cache cannot be used now (its drive may be off), a new cache is recorded as its stand-in. The project
    uses the earlier cache again as soon as this is possible.
    """
    recorded, stand_in = _read_record(folder)
    own = folder / "cache"
    has_cache, has_recorded = _is_cache(cache), recorded is not None and _is_cache(recorded)
    if cache == recorded:
        if cache not in (own, folder.parent / "cache"):
            log.info(
                "This project was moved or copied. It uses the embeddings in %s, at its old place. To keep them with "
                "the project, copy that folder to %s%s.",
                *(cache, own, f", and delete {folder / CACHE_RECORD_NAME}" if stand_in == own else ""),
            )
        return
    if cache == stand_in and has_cache:
        return
    if has_recorded and has_cache and cache == own:
        log.info("This project uses the embeddings in %s from now on; the earlier ones are in %s.", cache, recorded)
    elif has_recorded or (recorded is not None and has_cache and cache != own):
        log.warning(
            "The embeddings of this project are in %s, which %s. What is missing in %s is embedded again. To use the "
            "old embeddings, stop now and copy that folder to %s.",
            *(recorded, "cannot be written to" if has_recorded else "cannot be found", cache, own),
        )
    elif not has_cache and (folder / LEDGER_NAME).exists():
        log.warning(
            "This project has no embeddings in %s%s, so its images are embedded again. If the old embeddings are on a "
            "drive that is off, stop now and connect it. If the project was moved, stop now and copy the folder "
            "'cache' from beside its old place to %s.",
            *(cache, "" if recorded is None else f", nor in {recorded}", cache),
        )
    write_text(folder / CACHE_RECORD_NAME, f"{cache}\n" if recorded is None or has_cache else f"{recorded}\n{cache}\n")


def _read_record(folder: Path) -> tuple[Path | None, Path | None]:
    """Return the recorded cache of the project, and its stand-in."""
    try:
        lines = (folder / CACHE_RECORD_NAME).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):  # a new project, one of an earlier version, or a damaged file
        return None, None
    recorded, stand_in = (Path(line) if line else None for line in [*lines, "", ""][:2])
    return recorded, stand_in


def _is_cache(folder: Path) -> bool:
    return os.path.isfile(folder / FILE_CACHE_NAME)  # noqa: PTH113 - False also where the folder may not be looked into
