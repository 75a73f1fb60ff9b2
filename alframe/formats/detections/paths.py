"""Which image of the pool a path means that another program wrote, perhaps on another computer."""

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


def match_images(items: Sequence[Item], numbers: Mapping[str, int], file: Path) -> Ints:
    """(n,) the number of each item's image by its path in `file`, -1 where it has none.

    The file's paths may be absolute, or relative to the pool's root or to the file's folder; upper and lower case are
    the same where that is not ambiguous. If none fits so, they may come from another computer, or from a folder
    further up: then the leading folders that no id has are taken off, the same from all. Raises FormatError if not one
    image can be found.
    """
    beside = file.parent.as_posix()
    known = {_normalise(path, beside): number for path, number in numbers.items()}
    hits = _look_up_items(items, known, beside)
    if numbers and items and (hits < 0).all():
        prefix = _find_common_prefix(known, {_normalise(item.id, beside).casefold() for item in items})
        if prefix is None:
            raise FormatError(
                f"None of the {len(numbers)} images in {file} is in the pool. The first there is "
                f"'{next(iter(numbers))}', the first of the pool '{items[0].id}'. Give the detections of "
                f"these images."
            )
        log.warning("The paths in %s begin with %s, which is taken for the pool's root.", file, prefix)
        cut = {path[len(prefix) :]: number for path, number in known.items() if path.startswith(prefix)}
        hits = _look_up_items(items, cut, beside)
    return hits


def _look_up_items(items: Sequence[Item], known: Mapping[str, int], beside: str) -> Ints:
    times = Counter(path.casefold() for path in known)
    loose = {path.casefold(): number for path, number in known.items() if times[path.casefold()] == 1}
    hits = np.full(len(items), -1, np.int64)
    for row, item in enumerate(track(items, "Finding images", total=len(items), unit="img")):
        full = _normalise(item.path.as_posix(), beside)
        names = [_normalise(item.id, beside), full]
        if full.startswith(f"{beside}/"):
            names.append(full[len(beside) + 1 :])
        found = [known[name] for name in names if name in known]
        hits[row] = (found or [loose.get(name.casefold(), -1) for name in names])[0]
    return hits


def _normalise(path: str, beside: str) -> str:
    """A path as it compares: forward slashes, no dots, composed accents."""
    plain = normalize("NFC", posixpath.normpath(path.replace("\\", "/")))
    return posixpath.normpath(f"{beside}/{plain}") if plain.startswith("../") else plain


def _find_common_prefix(known: Iterable[str], ids: Container[str]) -> str | None:
    """What the first thousand paths most often have before the id of an image."""
    begins: Counter[str] = Counter()
    for path in islice(known, 1000):
        parts = path.split("/")
        ends = ("/".join(parts[cut:]) for cut in range(1, len(parts)))
        if end := next((one for one in ends if one.casefold() in ids), None):
            begins[path[: -len(end)]] += 1
    return begins.most_common(1)[0][0] if begins else None
