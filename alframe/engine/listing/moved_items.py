"""Recognise known items whose files were moved or renamed, by the content of the files."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeVar

from alframe.data.drive_failures import DriveFailures
from alframe.engine.embedding.moved_files import hash_files
from alframe.engine.listing.file_status import FileStatus, read_status
from alframe.errors import PoolError
from alframe.store.file_cache import FileCache, FileContent, file_key
from alframe.types import Item, ItemId

log = logging.getLogger(__name__)
Key = TypeVar("Key", int, ItemId)


def find_moved_items(
    gone: Mapping[int, Item], new: Sequence[Item], cache: FileCache, requested_contents: Mapping[int, bytes]
) -> dict[ItemId, int]:
    """Return the key of the known item for each new item that is recognised, by the new id.

    `gone` are the known items, by key, that the pool no longer lists; `new` are the items that it lists for the first
    time. Two items are the same if their files are the same. They are also the same if the old file is gone, and no
    other item has this content, or no other item with this content has this file name. The content of an old file was
    recorded with its request (`requested_contents`, by key), or else in `cache`. A warning counts unclear items. Raises
    PoolError if a drive fails, because known images would become new images.
    """
    moved = _match_one_to_one(
        {key: (item.path, item.box) for key, item in gone.items()}, {item.id: (item.path, item.box) for item in new}
    )
    moved = _without_changed(moved, new, cache, requested_contents)
    others = _without(gone, moved.values())
    if others and len(moved) < len(new):
        moved |= _match_files(others, [item for item in new if item.id not in moved], cache, requested_contents)
    return moved


def find_items_listed_twice(
    absent: Mapping[int, Item],
    present: Iterable[tuple[int, Item]],
    cache: FileCache,
    requested_contents: Mapping[int, bytes],
) -> dict[int, int]:
    """Return, by key, the listed item for each absent item whose file was listed as a second item before.

    `absent` are labelled or requested items, by key, that the pool does not list. `present` are the listed items
    without a label or a request, with their keys. The rules are those of `find_moved_items`, but no file is read: the
    contents come from `cache`. If a drive fails, no item is recognised, and the next call tries again.
    """
    old, _ = _old_contents(absent, cache, requested_contents)
    files = cache.files_with(set(old.values()))
    if not files.keys() - {file_key(item) for item in absent.values()}:
        return {}
    second = {key: item for key, item in present if file_key(item) in files}
    current = cache.look_up(second.values(), [True] * len(second))  # None where the file has changed
    found = {key: hit.content_hash for key, hit in zip(second, current, strict=True) if hit and hit.content_hash}
    shared = set(found.values())
    old = {key: content for key, content in old.items() if content in shared}
    try:
        statuses = [read_status(second[key].path) for key in found]
        there = _still_there({key: read_status(absent[key].path) for key in old}, statuses)
    except PoolError:  # each further file of that drive would be waited for as well
        return {}
    old = _without(old, there)
    return {key: other for other, key in _match_contents(old, found, absent, second).items()}


def _without_changed(
    moved: Mapping[ItemId, int], new: Sequence[Item], cache: FileCache, requested_contents: Mapping[int, bytes]
) -> dict[ItemId, int]:
    """Leave out items whose file has another content than at its request."""
    asked = [item for item in new if moved.get(item.id) in requested_contents]
    current = cache.look_up(asked, [True] * len(asked))
    contents = {item.id: hit.content_hash for item, hit in zip(asked, current, strict=True) if hit and hit.content_hash}
    contents |= _read_contents([item for item in asked if item.id not in contents])
    changed = [item for item in asked if contents.get(item.id, b"") != requested_contents[moved[item.id]]]
    changed = [item for item in changed if item.id in contents]
    if changed:
        log.warning(
            "%d images have another content than when they were requested (first: '%s'). They count as new images.",
            *(_count_files(changed), changed[0].id),
        )
    return _without(moved, {item.id for item in changed})


def _match_files(
    gone: Mapping[int, Item], new: Sequence[Item], cache: FileCache, requested_contents: Mapping[int, bytes]
) -> dict[ItemId, int]:
    old, known = _old_contents(gone, cache, requested_contents)
    if not old:
        return {}
    # Only files that are as large as one of the old ones are read, unless the size of an old one is not known.
    sizes = {content.stamp[0] for content in known.values() if content.stamp} if len(known) == len(old) else None
    failures = DriveFailures(len(new))  # it raises PoolError beyond a few files: each is waited for
    statuses = {item.id: status for item in new if (status := _read_status_of_new(item, failures)) and status.size}
    to_read = [item for item in new if item.id in statuses and (sizes is None or statuses[item.id].size in sizes)]
    found = _read_contents(to_read)
    shared = set(old.values()) & set(found.values())
    old = {key: content for key, content in old.items() if content in shared}
    found = {id_: content for id_, content in found.items() if content in shared}
    there = _still_there({key: read_status(gone[key].path) for key in old}, [statuses[id_] for id_ in found])
    still_there = {old[key] for key in there}
    movable = {key: content for key, content in old.items() if content not in still_there}
    new_items = {item.id: item for item in to_read}
    moved = _match_contents(movable, found, gone, new_items)
    _warn_of_unmatched(gone, new_items, _without(old, moved.values()), _without(found, moved), still_there)
    cache.remember(
        [
            (item, replace(known[moved[item.id]], stamp=statuses[item.id].stamp))
            for item in to_read
            if moved.get(item.id) in known
        ]
    )
    return moved


def _old_contents(
    items: Mapping[int, Item], cache: FileCache, requested_contents: Mapping[int, bytes]
) -> tuple[dict[int, bytes], dict[int, FileContent]]:
    """Return the contents of the files by key, and the entries of `cache` for them. Unreadable images are left out.

    The content that people have seen is used even if another content was read later under the same path.
    """
    last_read = dict(zip(items, cache.look_up(items.values(), [False] * len(items)), strict=True))
    readable = {key: hit for key, hit in last_read.items() if hit and hit.content_hash and hit.reason is None}
    old = {key: hit.content_hash for key, hit in readable.items() if hit.content_hash}
    old |= {key: requested_contents[key] for key in items if key in requested_contents}
    return old, {key: hit for key, hit in readable.items() if hit.content_hash == old[key]}


def _read_contents(items: Sequence[Item]) -> dict[ItemId, bytes]:
    """Read the files, and return their content hashes by id. Raises PoolError if a drive fails."""
    failures = DriveFailures(len(items))
    read = hash_files(items, "Recognising moved images", failures)
    found = {
        item.id: content for rows, hashes in read for item, content in zip(items[rows], hashes, strict=True) if content
    }
    failures.warn()
    return found


def _still_there(old: Mapping[int, FileStatus | None], new: Iterable[FileStatus | None]) -> set[int]:
    """Return the keys of the old files that exist, without those that are also a new file under another name."""
    files = {status.device_inode for status in new if status and status.device_inode}
    return {key for key, status in old.items() if status and status.device_inode not in files}


def _read_status_of_new(item: Item, failures: DriveFailures) -> FileStatus | None:
    """Return the status of a new file; None if it is gone, or if the drive fails, which `failures` counts."""
    try:
        status, failure = read_status(item.path), None
    except PoolError as error:
        status, failure = None, str(error)
    failures.note_read(item.path, failure)
    return status


def _match_contents(
    old: Mapping[int, bytes], new: Mapping[Key, bytes], old_items: Mapping[int, Item], new_items: Mapping[Key, Item]
) -> dict[Key, int]:
    """Return the old key of each new item whose content, or content and file name, no other item has."""
    moved = _match_one_to_one(old, new)
    old, new = _without(old, moved.values()), _without(new, moved)
    return moved | _match_one_to_one(
        {key: (_file_name(old_items[key]), content) for key, content in old.items()},
        {key: (_file_name(new_items[key]), content) for key, content in new.items()},
    )


def _warn_of_unmatched(
    gone: Mapping[int, Item],
    new_items: Mapping[ItemId, Item],
    old: Mapping[int, bytes],
    new: Mapping[ItemId, bytes],
    still_there: Collection[bytes],
) -> None:
    for is_copied in (True, False):
        keys = [key for key, content in old.items() if (content in still_there) == is_copied]
        ids = [id_ for id_, content in new.items() if (content in still_there) == is_copied]
        if not keys or not ids:
            continue
        why = (
            "their old files still exist, so the new files are copies"
            if is_copied
            else "several files have the same content, so alframe cannot know which file was moved"
        )
        log.warning(
            "%d images that the pool no longer lists (first: '%s') have the same content as %d new images (first: "
            "'%s'), but %s. The labels stay with the old names, and the new images have no labels.",
            *(_count_files(gone[key] for key in keys), gone[keys[0]].id),
            *(_count_files(new_items[id_] for id_ in ids), ids[0], why),
        )


def _match_one_to_one(old: Mapping[int, Hashable], new: Mapping[Key, Hashable]) -> dict[Key, int]:
    """Return new id (or key) -> old key, for each value that exactly one old and one new item have."""
    keys, ids = _by_value(old), _by_value(new)
    return {ids[value][0]: key for value, (key, *more) in keys.items() if not more and len(ids.get(value, ())) == 1}


def _by_value(values: Mapping[Key, Hashable]) -> dict[Hashable, list[Key]]:
    found: defaultdict[Hashable, list[Key]] = defaultdict(list)
    for key, value in values.items():
        found[value].append(key)
    return found


def _file_name(item: Item) -> str:
    return PurePosixPath(item.id).name


def _count_files(items: Iterable[Item]) -> int:
    """Return the number of images of these items (boxes of one image count once)."""
    return len({item.image_id for item in items})


ValueT = TypeVar("ValueT")


def _without(values: Mapping[Key, ValueT], keys: Collection[Key]) -> dict[Key, ValueT]:
    left_out = set(keys)
    return {key: value for key, value in values.items() if key not in left_out}
