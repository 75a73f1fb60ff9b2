"""Which image a path means that somebody's program wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from unicodedata import normalize

from alframe.types import ItemId


def folded(path: str) -> str:
    """A path as it compares: forward slashes, composed accents, no spaces around it."""
    return normalize("NFC", path.strip().replace("\\", "/"))


def matcher(ids: Iterable[ItemId]) -> Callable[[str], ItemId | None]:
    """A function from a path somebody's program wrote (slashes turned, accents recomposed, spaces added) to the id."""
    exact = set(ids)
    times = Counter(map(folded, exact))
    loose = {folded(item): item for item in exact if times[folded(item)] == 1}
    return lambda cell: cell if cell in exact else loose.get(folded(cell))
