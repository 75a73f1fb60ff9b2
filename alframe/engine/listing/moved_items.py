"""Recognise known items whose files were moved or renamed, by what the files hold."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeVar

from alframe.engine.embedding.moved_files import hash_files
from alframe.store.file_cache import FileCache, read_stamp
from alframe.types import Item, ItemId

log = logging.getLogger(__name__)
Key = TypeVar("Key", int, ItemId)


def find_moved_items(
    gone: Mapping[int, Item], new: Sequence[Item], cache: FileCache, requested_contents: Mapping[int, bytes]
) -> dict[ItemId, int]:
    """Return the key of the known item that each new item is, by the new id; new items that are no known ones lack.

    `gone` are the known items by key that the pool no longer lists; `new` those that it lists for the first time. Two
    are one if they are the same file. They are also one if the old file is gone and no other item has their content,
    or no other one with that content has their file name. What the old files held is what `cache` last read, or what
    was recorded when they were requested (`requested_contents`, by key). What is not clear is counted in a warning.
    """
    moved = _match_one_to_one(
        {key: (item.path, item.box) for key, item in gone.items()}, {item.id: (item.path, item.box) for item in new}
    )
    others = _without(gone, moved.values())
    if others and len(moved) < len(new):
        moved |= _match_contents(others, [item for item in new if item.id not in moved], cache, requested_contents)
    if moved:
        id_, key = next(iter(moved.items()))
        log.info(
            "%d images were moved or renamed: '%s' is now '%s', for example. Their labels and requests went with them.",
            *(len(moved), gone[key].id, id_),
        )
    return moved


def _match_contents(
    gone: Mapping[int, Item], new: Sequence[Item], cache: FileCache, requested_contents: Mapping[int, bytes]
) -> dict[ItemId, int]:
    last_read = dict(zip(gone, cache.look_up(gone.values(), [False] * len(gone)), strict=True))
    known = {key: content for key, content in last_read.items() if content and content.content_hash}
    old = {key: requested_contents[key] for key in gone if key in requested_contents}
    old |= {key: content.content_hash for key, content in known.items() if content.content_hash}
    if not old:
        return {}
    # Only files that are as large as one of the old ones are read, unless the size of an old one is not known.
    sizes = {content.stamp[0] for content in known.values() if content.stamp} if len(known) == len(old) else None
    stamps = {item.id: stamp for item in new if (stamp := read_stamp(str(item.path)))}
    to_read = [item for item in new if item.id in stamps and (sizes is None or stamps[item.id][0] in sizes)]
    found = {
        item.id: content
        for rows, hashes in hash_files(to_read, "Recognising moved images")
        for item, content in zip(to_read[rows], hashes, strict=True)
        if content
    }
    shared = set(old.values()) & set(found.values())
    old = {key: content for key, content in old.items() if content in shared}
    found = {id_: content for id_, content in found.items() if content in shared}
    still_there = {content for key, content in old.items() if read_stamp(str(gone[key].path))}
    movable = {key: content for key, content in old.items() if content not in still_there}
    moved = _match_one_to_one(movable, found)
    moved |= _match_one_to_one(
        {key: (_file_name(gone[key].id), content) for key, content in _without(movable, moved.values()).items()},
        {id_: (_file_name(id_), content) for id_, content in _without(found, moved).items()},
    )
    _warn_of_unmatched(gone, _without(old, moved.values()), _without(found, moved), still_there)
    cache.remember(
        [
            (item, replace(known[moved[item.id]], stamp=stamps[item.id]))
            for item in to_read
            if moved.get(item.id) in known
        ]
    )
    return moved


def _warn_of_unmatched(
    gone: Mapping[int, Item], old: Mapping[int, bytes], new: Mapping[ItemId, bytes], still_there: Collection[bytes]
) -> None:
    for is_copied in (True, False):
        keys = [key for key, content in old.items() if (content in still_there) == is_copied]
        ids = [id_ for id_, content in new.items() if (content in still_there) == is_copied]
        if not keys or not ids:
            continue
        why = (
            "their old files still exist, so that the new ones are copies. To label the new ones, remove the old files"
            if is_copied
            else "several files have the same content, so that nobody knows which was moved where. Leave one file of "
            "each content"
        )
        log.warning(
            "%d images that the pool no longer lists (first: '%s') have the same content as %d new images (first: "
            "'%s'), but %s. Their labels stay with the old names; the new images have none.",
            *(len(keys), gone[keys[0]].id, len(ids), ids[0], why),
        )


def _match_one_to_one(old: Mapping[int, Hashable], new: Mapping[ItemId, Hashable]) -> dict[ItemId, int]:
    """Return the new id and the old key of each value that one of the old and one of the new have."""
    keys, ids = _by_value(old), _by_value(new)
    return {ids[value][0]: key for value, (key, *more) in keys.items() if not more and len(ids.get(value, ())) == 1}


def _by_value(values: Mapping[Key, Hashable]) -> dict[Hashable, list[Key]]:
    found: defaultdict[Hashable, list[Key]] = defaultdict(list)
    for key, value in values.items():
        found[value].append(key)
    return found


def _file_name(id_: ItemId) -> str:
    return PurePosixPath(id_).name


ValueT = TypeVar("ValueT")


def _without(values: Mapping[Key, ValueT], keys: Collection[Key]) -> dict[Key, ValueT]:
    left_out = set(keys)
    return {key: value for key, value in values.items() if key not in left_out}
