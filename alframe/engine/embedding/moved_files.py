"""Files that lie elsewhere now are recognised by what they hold, so that they need not be embedded again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from alframe.chunks import chunks
from alframe.data.decode import ImageFile
from alframe.progress import Bar
from alframe.store.file_cache import FileCache, FileContent
from alframe.types import Item

THREADS = 8  # a slow drive answers several questions at once


def recognise_moved_files(items: Sequence[Item], contents: list[FileContent | None], cache: FileCache) -> None:
    """Fill in `contents` (N,) where a file that is not known has the content of one that is; the cache is told.

    Only files whose size and time are those of a known file are read.
    """
    unknown = [key for key, content in enumerate(contents) if content is None]
    known_by_key = zip(unknown, cache.look_up_moved([items[key] for key in unknown]), strict=True)
    moved = {key: known for key, known in known_by_key if known}
    keys = list(moved)
    with Bar("Recognising moved files", total=len(keys), unit="img") as bar, ThreadPoolExecutor(THREADS) as threads:
        for rows in chunks(len(keys)):
            found = []
            hashes = threads.map(_read_hash, [items[key] for key in keys[rows]])
            for key, content_hash in zip(keys[rows], hashes, strict=True):
                if content_hash is not None and (content := moved[key].get(content_hash)):
                    contents[key] = content
                    found.append((items[key], content))
                bar.advance()
            cache.remember(found)


def _read_hash(item: Item) -> bytes | None:
    return ImageFile(item.path).content_hash(item.box)
