"""How images are put into sequences (bursts)."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import check_choice, require


@dataclass(frozen=True)
class Sequences:
    """How images without a given sequence are put into one.

    Neighbours of one camera, or of one folder where no camera is known, belong together if at most `gap` seconds lie
    between them; None: only given sequences count. `times` says where a time comes from that the pool does not know:
    exif, file (EXIF, or else the file's own time, which copying changes) or none.
    """

    gap: float | None = 60.0
    times: str = "exif"

    def __post_init__(self) -> None:
        require(self.gap is None or 0 <= self.gap < 1e9, self, "gap", "a number of seconds from 0, or null")
        check_choice(self, times=("exif", "file", "none"))
