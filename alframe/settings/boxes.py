"""Which boxes of a detector are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import check_choice, require
from alframe.settings.fields import path_field


@dataclass(frozen=True)
class Boxes:
    """Which boxes of a detector's `file` are looked at; without a file, the pool's own boxes are kept.

    `use` is best (the most confident box of each image), all (each box is an item of its own) or image (whole images).
    A box counts if its confidence is at least `threshold` and its category is `category`; "animal" is everything but
    persons and vehicles, since some files have species as categories. Images without a box are kept whole or left out
    (`empty`: keep or skip). A box grows by `margin` of its width and height on each side.
    """

    file: str | None = path_field(None)
    use: str = "best"
    threshold: float = 0.2
    category: str = "animal"
    empty: str = "keep"
    margin: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self, use=("best", "all", "image"), empty=("keep", "skip"))
        require(0 <= self.threshold <= 1, self, "threshold", "from 0 to 1")
        require(0 <= self.margin <= 10, self, "margin", "from 0 to 10 times the box's size")
