"""Compare an exported model with the run's own predictions, on images of the pool."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from alframe.contracts import ExportableModel
from alframe.errors import PoolError, StoreError
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.viewing import open_for_viewing
from alframe.types import Floats, Predictions

log = logging.getLogger(__name__)

Predictor = Callable[[Image.Image], Floats]
"""From a picture in RGB, of any size, to its probabilities (C,)."""

CONVERSION_TOLERANCE = 1e-4  # of a probability, for equal pixels: what rounding in float32 can make
_GOLDEN_RATIO = (5**0.5 - 1) / 2
_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"})


@dataclass(frozen=True, slots=True)
class Compared:
    """How far an exported model is from the run: over `images`, the `agreeing` ones and the `largest` difference."""

    images: int
    agreeing: int
    largest: float

    def __str__(self) -> str:
        return (
            f"{self.images} images of the pool: the same class on {self.agreeing}, the largest difference of a "
            f"probability {self.largest:.2g}"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The `images` of the pool that an exported model is compared on, and the `tolerance` of a probability there.

    Pictures are given to the exported model as other programs would: decoded in full, and upright. alframe decodes a
    large JPEG at a half, a quarter or an eighth of its size, so that the probabilities differ a little.
    """

    exporter: str
    images: int = 32
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        require_at_least(f"exporter '{self.exporter}'", 1, images=self.images)
        valid = 0 < self.tolerance < 1
        require_parameter(f"exporter '{self.exporter}'", valid, "above 0 and below 1", tolerance=self.tolerance)

    def pictures(self, predictions: Predictions) -> dict[Path, Image.Image]:
        """Return 8-bit pictures of the pool in RGB by path, taken evenly over the readable items.

        Raises StoreError if there are readable items, but none of them is an 8-bit picture.
        """
        paths = [item.path for item, probs in zip(predictions.items, predictions.probs, strict=True) if probs[0] >= 0]
        unique = list(dict.fromkeys(paths))
        order = np.argsort(np.arange(len(unique)) * _GOLDEN_RATIO % 1)  # any part of it is even over the whole
        pictures: dict[Path, Image.Image] = {}
        for position in order.tolist()[: 4 * self.images]:
            if len(pictures) == self.images:
                break
            picture = _open_eight_bit(unique[position])
            if picture is not None:
                pictures[unique[position]] = picture
        if unique and not pictures:
            raise StoreError(
                f"exporter '{self.exporter}': none of {min(len(unique), 4 * self.images)} images of the pool is an "
                f"8-bit picture that can be read, e.g. {unique[order[0]]}, so that the model cannot be compared on "
                "them. Nothing was written. Leave this exporter out."
            )
        return pictures

    def require_same(
        self, predict: Predictor, model: ExportableModel, pictures: dict[Path, Image.Image]
    ) -> Compared | None:
        """Return how far `predict` is from the run's own predictions; None without pictures, with a warning.

        Raises StoreError for a difference above the tolerance.
        """
        if not pictures:
            log.warning("exporter '%s': there is no image to compare the exported model on.", self.exporter)
            return None
        expected = model.predict_probs(list(pictures))
        found = np.stack([predict(picture) for picture in pictures.values()])
        differences = np.abs(found - expected).max(axis=1)
        worst = int(differences.argmax())
        if not differences[worst] <= self.tolerance:  # NaN as well
            raise StoreError(
                f"exporter '{self.exporter}': the exported model differs from this run on {list(pictures)[worst]} by "
                f"{differences[worst]:.3g} in the probability of a class, and {self.tolerance:g} is allowed "
                f"(exporter.{self.exporter}.tolerance). It was not written; an earlier export stays as it was."
            )
        agreeing = int((found.argmax(axis=1) == expected.argmax(axis=1)).sum())
        compared = Compared(len(pictures), agreeing, float(differences[worst]))
        log.info("exporter '%s': compared on %s.", self.exporter, compared)
        return compared

    def require_converted(
        self, convert: Predictor, original: Predictor, size: int, pictures: dict[Path, Image.Image]
    ) -> None:
        """Raise StoreError unless `convert` gives what `original` gives for the same pixels, `size` x `size`.

        Beside the pictures, one of noise is tried.
        """
        noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
        squares = [picture.resize((size, size), Image.Resampling.BICUBIC) for picture in pictures.values()]
        for square in [Image.fromarray(noise), *squares]:
            difference = np.abs(convert(square) - original(square)).max()
            if not difference <= CONVERSION_TOLERANCE:
                raise StoreError(
                    f"exporter '{self.exporter}': the converted model differs from the network by {difference:.3g} in "
                    "a probability, for the same pixels. It was not written; an earlier export stays as it was. Report "
                    "it, with the backbone and the head."
                )


def _open_eight_bit(path: Path) -> Image.Image | None:
    """Return the picture upright in RGB; None if it cannot be read, or has more than 8 bits a channel."""
    try:
        with Image.open(path) as image:
            mode = image.mode
        return open_for_viewing(path) if mode in _EIGHT_BIT else None
    except (OSError, PoolError):
        return None


def torch_predictor(network: torch.nn.Module) -> Predictor:
    """Return the predictor of a module whose first output are probabilities of pixels (B, H, W, 3)."""

    def predict(picture: Image.Image) -> Floats:
        with torch.inference_mode():
            probs: Floats = network(torch.from_numpy(np.array(picture)[None]))[0][0].numpy()
            return probs

    return predict
