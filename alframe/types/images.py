"""The images of the pool, and the input of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

UTC_OFFSET = "utc_offset"  # in Item.meta: seconds, where a camera's times have several (a clock put back in autumn)
ItemId = str  # an image's path relative to the pool's root, in POSIX form
Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Times = npt.NDArray[np.datetime64]  # datetime64[s]
Texts = npt.NDArray[np.object_]  # of str: no text is as wide as the longest


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle as fractions of the image: left, top, width and height, each in 0..1."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Item:
    """One image of the pool.

    `label` is the class that the pool gives (by a class folder or a CSV column). A simulation hides it until the image
    is requested. Otherwise the image counts as labelled from the start. `split` is "test" for images that are held out
    for evaluation. They are never selected.
    """

    id: ItemId
    path: Path
    label: str | None = None
    split: Literal["pool", "test"] = "pool"
    camera: str | None = None
    taken: datetime | None = None
    sequence: str | None = None
    box: Box | None = None
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def image_id(self) -> ItemId:
        """The id of the image. If the item is a box, this is the id of the image that contains the box."""
        return self.id.rpartition("#")[0] if "box" in self.meta else self.id


def pool_root(items: Sequence[Item]) -> Path | None:
    """Return the folder to which ids are relative, or None if the path of the first item does not end in its id."""
    for item in items[:1]:
        path = item.path.as_posix()
        if path.endswith(f"/{item.image_id}"):
            return Path(path[: -len(item.image_id)])
    return None


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input that a backbone expects: squares of `size` pixels, normalised as (x / 255 - mean) / std.

    `mean` and `std` have a number for each channel. `value_range` has a pair (low, high) for all bands, or a pair for
    each band: the value `low` becomes x = 0, and `high` becomes x = 255. With None, x is the value of an 8-bit picture.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bicubic", "bilinear", "nearest"] = "bicubic"
    value_range: tuple[tuple[float, float], ...] | None = field(default=None, repr=False)

    @property
    def channels(self) -> int:
        """The number of bands of an image."""
        return len(self.mean)
