"""Find the images of a pool by the paths that another program wrote, perhaps on another computer."""

from __future__ import annotations

import logging
import posixpath
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from unicodedata import normalize

import numpy as np

from alframe.errors import FormatError
from alframe.progress import track
from alframe.types import Ints, Item

log = logging.getLogger(__name__)


def match_images(items: Sequence[Item], image_numbers: Mapping[str, int], file: Path) -> Ints:
    """Return (n,) the number of each item's image in `image_numbers` (path -> number), -1 where it has none.

    The paths of `file` may be absolute, or relative to the pool's root or to the file's folder; the case is ignored
    where that is not ambiguous. If no path fits, they may come from another computer, or from a folder further up: then
    the leading folders that no id has are cut off, the same from all. Raises FormatError if no image is found.
    """
    folder = file.parent.as_posix()
    known = {_normalise(path, folder): number for path, number in image_numbers.items()}
    numbers = _look_up(items, known, folder)
    if image_numbers and items and (numbers < 0).all():
        prefix = _find_common_prefix(known, {_normalise(item.id, folder).casefold() for item in items})
        if prefix is None:
            raise FormatError(
                f"None of the {len(image_numbers)} images in {file} is in the pool. The first there is "
                f"'{next(iter(image_numbers))}', the first of the pool '{items[0].id}'. Use the detections of "
                f"these images."
            )
        log.warning("The paths in %s begin with %s, which is assumed to be the pool's root.", file, prefix)
        cut = {path[len(prefix) :]: number for path, number in known.items() if path.startswith(prefix)}
        numbers = _look_up(items, cut, folder)
    return numbers


def _look_up(items: Sequence[Item], known: Mapping[str, int], folder: str) -> Ints:
    times = Counter(path.casefold() for path in known)
    caseless = {path.casefold(): number for path, number in known.items() if times[path.casefold()] == 1}
    numbers = np.full(len(items), -1, np.int64)
    for row, item in enumerate(track(items, "Finding images", total=len(items), unit="img")):
        full = _normalise(item.path.as_posix(), folder)
        paths = [_normalise(item.id, folder), full]
        if full.startswith(f"{folder}/"):
            paths.append(full[len(folder) + 1 :])
        exact = [known[path] for path in paths if path in known]
        numbers[row] = (exact or [caseless.get(path.casefold(), -1) for path in paths])[0]
    return numbers


def _normalise(path: str, folder: str) -> str:
    """Return the path as it is compared: forward slashes, no dots, composed accents."""
    path = normalize("NFC", posixpath.normpath(path.replace("\\", "/")))
    return posixpath.normpath(f"{folder}/{path}") if path.startswith("../") else path


def _find_common_prefix(paths: Iterable[str], ids: Container[str]) -> str | None:
    """Return what the first thousand paths most often have before the id of an image."""
    prefixes: Counter[str] = Counter()
    for path in islice(paths, 1000):
        parts = path.split("/")
        endings = ("/".join(parts[start:]) for start in range(1, len(parts)))
        if ending := next((ending for ending in endings if ending.casefold() in ids), None):
            prefixes[path[: -len(ending)]] += 1
    return prefixes.most_common(1)[0][0] if prefixes else None
