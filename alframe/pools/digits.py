"""Read handwritten digits: 1,797 small images for tests, without a download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alframe.kit.generated_images import ensure_generated
from alframe.kit.image_paths import absolute_path
from alframe.kit.progress import track
from alframe.types import Item

SIDE = 32


@dataclass
class Digits:
    """List the 1,797 handwritten digits that scikit-learn contains (UCI optical digits; Alpaydin & Kaynak 1998).

    Each digit has its label. The files ``root/<digit>/<number>.png`` are written on first use. The original images have
    8 x 8 pixels with values from 0 to 16. The values are scaled to 0..255, and the images are enlarged to 32 x 32
    pixels, so that people can see them.
    """

    synthetic = True

    root: str | Path

    def items(self) -> Iterator[Item]:
        """Yield all 1,797 digits in scikit-learn's order; raises PoolError if `root` cannot be written."""
        from sklearn.datasets import load_digits

        root = absolute_path(self.root)
        ensure_generated(root, {"pool": "digits", "side": SIDE}, _write_images)
        for number, digit in enumerate(load_digits().target):
            name = _file_name(number, int(digit))
            yield Item(id=name, path=root / name, label=str(digit))


def _file_name(number: int, digit: int) -> str:
    return f"{digit}/{number:04d}.png"


def _write_images(root: Path) -> None:
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    bunch = load_digits()
    for digit in map(str, range(10)):
        (root / digit).mkdir()
    levels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    pairs = zip(levels, bunch.target, strict=True)
    for number, (level, digit) in enumerate(track(pairs, "Writing digits", total=len(levels), unit="img")):
        large = Image.fromarray(level).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        large.save(root / _file_name(number, int(digit)))
