"""List a pool, and check that it follows its contract."""

from __future__ import annotations

import os
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from alframe.contracts import ListsFolders, Pool
from alframe.engine.broken_contract import broken_contract
from alframe.progress import track
from alframe.types import Item, ItemColumns, ListedFolder


def list_checked_items(pool: Pool) -> ItemColumns:
    """Return every item of the pool. Raises BadOutput for an object that is no item, or for an id that occurs twice."""
    if isinstance(pool, ListsFolders) and _defines_list_by_folder(pool):
        images = ItemColumns.of_folders(track(_check_folders(pool), "Listing images", unit="folder"))
    else:
        images = ItemColumns.of(track(_check_items(pool), "Listing images", unit="img"))
    if len(set(images.ids)) < len(images):
        (twice, _), *_ = Counter(images.ids).most_common(1)
        raise broken_contract("pool", pool, f"lists the id {twice!r} twice")
    return images


def _defines_list_by_folder(pool: Pool) -> bool:
    """Return whether `list_by_folder` was defined together with `items`.

    If a subclass or an instance has another `items`, the inherited `list_by_folder` may list other items.
    """
    namespaces: list[Mapping[str, object]] = [*map(vars, type(pool).__mro__)]
    with suppress(TypeError):  # it has slots
        namespaces.insert(0, vars(pool))
    definitions = (namespace.keys() & {"items", "list_by_folder"} for namespace in namespaces)
    return "list_by_folder" in next(filter(None, definitions), ())


def _check_folders(pool: ListsFolders) -> Iterator[ListedFolder]:
    for folder in pool.list_by_folder():
        if not isinstance(folder, ListedFolder):
            raise broken_contract("pool", pool, f"lists {reprlib.repr(folder)}, not a ListedFolder")
        if len(folder.ids) != len(folder.paths):
            raise broken_contract(
                "pool", pool, f"lists a folder of {len(folder.ids)} ids and {len(folder.paths)} paths"
            )
        for text in chain(folder.ids, folder.paths):
            if not isinstance(text, str) or not text:
                raise broken_contract("pool", pool, f"lists a folder with the id or path {text!r}")
        # As a Path writes it, in which form results are stored; most paths have it, and Path is slow.
        shortest = [path if path == os.path.normpath(path) else str(Path(path)) for path in folder.paths]
        yield folder._replace(paths=shortest)


def _check_items(pool: Pool) -> Iterator[Item]:
    listed: object = pool.items()
    if not isinstance(listed, Iterable):
        raise broken_contract("pool", pool, f"lists {reprlib.repr(listed)} ({type(listed).__name__}), not items")
    for item in listed:
        if not isinstance(item, Item):
            raise broken_contract("pool", pool, f"lists {reprlib.repr(item)} ({type(item).__name__}), not an Item")
        if not isinstance(item.id, str) or not item.id or not isinstance(item.path, Path):
            raise broken_contract("pool", pool, f"lists an item of the id {item.id!r} and the path {item.path!r}")
        yield item
