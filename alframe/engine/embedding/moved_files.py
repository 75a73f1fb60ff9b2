"""Recognise moved files by their content, so that they are not embedded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from alframe.chunks import row_slices
from alframe.data.decode import ImageFile
from alframe.data.drive_failures import DriveFailures
from alframe.progress import Bar
from alframe.store.file_cache import FileCache, FileContent
from alframe.types import Item

THREADS = 8  # a slow drive answers several questions at once


def recognise_moved_files(items: Sequence[Item], contents: list[FileContent | None], cache: FileCache) -> None:
    """Fill in the `contents` (N,) of unknown files that have the content of known files, and add them to the cache.

    Only files with the size and time of a known file are read.
    """
    unknown = [key for key, content in enumerate(contents) if content is None]
    known_by_key = zip(unknown, cache.look_up_moved([items[key] for key in unknown]), strict=True)
    moved = {key: known for key, known in known_by_key if known}
    keys = list(moved)
    for rows, hashes in hash_files([items[key] for key in keys], "Recognising moved files"):
        found = []
        for key, content_hash in zip(keys[rows], hashes, strict=True):
            if content_hash is not None and (content := moved[key].get(content_hash)):
                contents[key] = content
                found.append((items[key], content))
        cache.remember(found)


def hash_files(
    items: Sequence[Item], label: str, failures: DriveFailures | None = None
) -> Iterator[tuple[slice, list[bytes | None]]]:
    """Yield the content hashes of the items' files, or None for unreadable files, by slices of the items.

    `label` is the text of the progress bar. Files that a drive does not give are noted in `failures`, which may raise
    PoolError.
    """
    with Bar(label, total=len(items), unit="img") as bar, ThreadPoolExecutor(THREADS) as threads:
        for rows in row_slices(len(items)):
            read = list(threads.map(_read_hash, items[rows]))
            if failures:
                for item, (_, failure) in zip(items[rows], read, strict=True):
                    failures.note_read(item.path, failure)
            yield rows, [content_hash for content_hash, _ in read]
            bar.advance(rows.stop - rows.start)


def _read_hash(item: Item) -> tuple[bytes | None, str | None]:
    """Return the content hash, and the reason why the drive did not give the file. Both may be None."""
    file = ImageFile(item.path)
    return file.content_hash(item.box), file.drive_failure
