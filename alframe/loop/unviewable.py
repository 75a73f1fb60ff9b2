"""Images that nobody can label, because they cannot be shown."""

from __future__ import annotations

from collections.abc import Sequence, Set

from alframe.data.viewing import open_for_viewing
from alframe.errors import PoolError
from alframe.loop.campaign import Campaign
from alframe.types import Item


def find_unviewable_images(campaign: Campaign, items: Sequence[Item], keys: Set[int]) -> set[int]:
    """Return the images that cannot be shown to anybody; only files that have changed are opened."""
    ordered = sorted(keys)
    readings = campaign.project.file_cache.look_up([items[key] for key in ordered], [True] * len(ordered))
    readable = {key for key, reading in zip(ordered, readings, strict=True) if reading and reading.reason is None}
    return {key for key in keys - readable if not _is_viewable(items[key])}


def _is_viewable(item: Item) -> bool:
    try:
        open_for_viewing(item.path, side=32)
    except PoolError:
        return False
    return True
