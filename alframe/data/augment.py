"""The random variations of a training image. The seed alone determines a variation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from alframe.compat import import_torchvision
from alframe.data.decode import DecodedImage, ImageFile, Pixels
from alframe.data.loading import Batch, ImageToRead, raise_if_drive_fails, stream_batches
from alframe.types import InputSpec, Item

_MARGIN = 256 / 224  # how much larger than the crop the picture is made


@dataclass(frozen=True, slots=True)
class AugmentingReader:
    """A reader that decodes an image and varies it.

    First, the whole picture is resized to a little more than the input, cropped at random, and made grey (p = 0.1).
    Then follow, in random order, a horizontal flip, changes of brightness, contrast, saturation (30 %) and hue (5 %),
    and a rotation by up to 20 degrees. At the end, a random rectangle is erased (p = 0.5). Uncovered and erased areas
    get the backbone's mean colour, which is zero after normalisation. If the image has no colours (not 1 or 3 channels,
    or measured values), grey, saturation and hue are left out, and the contrast changes around the mean of each band.
    """

    spec: InputSpec

    def __call__(self, file: ImageFile, image: ImageToRead) -> DecodedImage:
        larger = replace(self.spec, size=round(self.spec.size * _MARGIN))
        decoded = file.decode(larger, image.box)
        if decoded.pixels is None:
            return decoded
        has_colour = self.spec.channels in (1, 3) and self.spec.value_range is None
        transform = (_make_transform if has_colour else _make_multiband_transform)(self.spec)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(image.seed or 0)
            return replace(decoded, pixels=transform(decoded.pixels))


def load_augmented_batches(
    items: Sequence[Item], spec: InputSpec, batches: Iterable[tuple[Sequence[int], Sequence[int]]], workers: int
) -> Iterator[Batch]:
    """Yield decoded and varied batches of (rows, seeds), as `load_batches` does. Equal seeds give equal pixels."""
    images = (
        [ImageToRead(row, items[row].path, items[row].box, seed) for row, seed in zip(rows, seeds, strict=True)]
        for rows, seeds in batches
    )
    return raise_if_drive_fails(stream_batches(AugmentingReader(spec), spec, images, workers), items)


PixelTransform = Callable[[Pixels], Pixels]

# All chance must come from torch's one seeded generator. RandomOrder draws from it in version 2 alone; the others are
# those of version 1, for in version 2 the same seed varies an image in another way.


@functools.cache
def _make_transform(spec: InputSpec) -> PixelTransform:
    import_torchvision()
    from torchvision import transforms as t
    from torchvision.transforms.v2 import RandomOrder

    mean = tuple(round(255 * value) for value in spec.mean)
    rotation = t.RandomRotation(20, t.InterpolationMode.BILINEAR, fill=mean if len(mean) > 1 else mean[0])
    jitter = t.ColorJitter(0.3, 0.3, 0.3, 0.05)
    shuffled = RandomOrder([t.RandomHorizontalFlip(), jitter, rotation])
    vary = t.Compose([t.RandomCrop(spec.size), t.RandomGrayscale(0.1), shuffled])
    erase = t.RandomErasing(value=mean)

    def apply(pixels: Pixels) -> Pixels:
        image = vary(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
        channels_first = torch.from_numpy(np.array(image).reshape(spec.size, spec.size, -1)).permute(2, 0, 1)
        return np.asarray(erase(channels_first).permute(1, 2, 0))

    return apply


@functools.cache
def _make_multiband_transform(spec: InputSpec) -> PixelTransform:
    import_torchvision()
    from torchvision import transforms as t
    from torchvision.transforms.v2 import RandomOrder

    mean = [255 * value for value in spec.mean]
    rotation = t.RandomRotation(20, t.InterpolationMode.BILINEAR, fill=mean)
    shuffled = RandomOrder([t.RandomHorizontalFlip(), _vary_brightness, _vary_contrast, rotation])
    vary = t.Compose([t.RandomCrop(spec.size), shuffled, t.RandomErasing(value=mean)])

    def apply(pixels: Pixels) -> Pixels:
        varied: Pixels = vary(torch.from_numpy(pixels).permute(2, 0, 1).float()).permute(1, 2, 0).numpy()
        return varied if pixels.dtype == np.float32 else np.round(varied).astype(pixels.dtype)

    return apply


def _vary_brightness(bands: torch.Tensor) -> torch.Tensor:
    return (bands * _draw_factor()).clamp(0, 255)


def _vary_contrast(bands: torch.Tensor) -> torch.Tensor:
    mean = bands.mean(dim=(1, 2), keepdim=True)
    return ((bands - mean) * _draw_factor() + mean).clamp(0, 255)


def _draw_factor() -> float:
    return float(torch.empty(1).uniform_(0.7, 1.3))
