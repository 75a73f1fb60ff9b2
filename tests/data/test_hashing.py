"""The difference hash: the same picture, the same bits; another one, others."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from alframe.data.decode import ImageFile
from alframe.data.hashing import difference_hash
from alframe.data.loading import ImageToRead, PlainReader
from alframe.types import Box, InputSpec


def scene(seed: int, size: int = 300) -> Image.Image:
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((size, size), Image.Resampling.BICUBIC)


def hash_of(picture: Image.Image, size: int = 224) -> int:
    return int.from_bytes(difference_hash(np.asarray(picture.resize((size, size)))), "big")


def test_a_bit_says_whether_a_cell_is_brighter_than_its_left_neighbour() -> None:
    ramp = np.repeat(np.arange(72, dtype=np.uint8)[None, :, None], 72, axis=0)
    assert difference_hash(ramp) == b"\xff" * 8
    assert difference_hash(ramp[:, ::-1]) == bytes(8)
    step = np.zeros((72, 72, 1), np.uint8)
    step[:9, 40:] = 200  # in the first row of cells, from the sixth cell on
    assert difference_hash(step) == bytes([0b00001000, *bytes(7)])


def test_saved_again_it_is_the_same_and_another_picture_is_not() -> None:
    for seed in range(20):
        picture, packed = scene(seed), io.BytesIO()
        picture.resize((150, 150)).point(lambda value: min(255, int(value * 1.05))).save(packed, "JPEG", quality=60)
        again = hash_of(picture) ^ hash_of(Image.open(packed))
        assert again.bit_count() <= 4
        assert (hash_of(picture) ^ hash_of(scene(seed + 100))).bit_count() > 12


def test_noise_on_an_even_surface_counts_for_nothing() -> None:
    rng = np.random.default_rng(0)
    frames = [np.clip(rng.normal(12, 2, (224, 224, 3)), 0, 255).astype(np.uint8) for _ in range(20)]
    assert len({difference_hash(frame) for frame in frames}) == 1


@pytest.mark.parametrize("bands", [1, 2, 3, 11])
def test_any_number_of_bands_as_bytes_and_as_measured(bands: int) -> None:
    grey = np.asarray(scene(1, 64).convert("L"))[:, :, None]
    pixels = np.repeat(grey, bands, axis=2)
    expected = int.from_bytes(difference_hash(grey), "big")
    for array in (pixels, pixels.astype(np.float32)):
        assert (int.from_bytes(difference_hash(array), "big") ^ expected).bit_count() <= 1


def test_a_file_is_hashed_as_it_is_decoded_and_a_crop_by_itself(tmp_path) -> None:
    spec = InputSpec(64, (0.5,) * 3, (0.5,) * 3)

    def read(name, box=None):
        return PlainReader(spec)(ImageFile(tmp_path / name), ImageToRead(0, tmp_path / name, box))

    scene(3).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:400])
    whole, left, right = (read("a.png", box) for box in (None, Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1)))
    assert whole.pixels is not None
    assert whole.difference_hash == difference_hash(whole.pixels)
    assert len({whole.difference_hash, left.difference_hash, right.difference_hash}) == 3
    assert read("b.png").difference_hash is None
    assert read("c.png").difference_hash is None
