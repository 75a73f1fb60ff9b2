"""Measured values: any number of bands, any depth, scaled only as somebody has said."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from alframe.data import bands
from alframe.data.augment import load_augmented_batches
from alframe.data.decode import DecodedImage, ImageFile
from alframe.data.loading import load_batches, normalise_pixels
from alframe.data.viewing import needs_conversion, open_for_viewing
from alframe.errors import PoolError
from alframe.types import Box, InputSpec, Item

KINDS = ["interleaved", "planar", "pages", "npy"]


def spec(channels: int, *pairs: tuple[float, float], size: int = 16) -> InputSpec:
    return InputSpec(size, (0.5,) * channels, (0.25,) * channels, "bilinear", pairs or None)


def scene(channels: int, dtype: Any, top: float = 255) -> np.ndarray:
    """(16, 24, channels): each band a ramp of its own, from left to right, and dark in its upper half."""
    ramp = np.linspace(0, 1, 24)[None, :, None] * np.linspace(0.3, 1, channels)
    values = np.broadcast_to(ramp, (16, 24, channels)) * np.where(np.arange(16) < 8, 0.5, 1)[:, None, None]
    return np.round(values * top).astype(dtype) if np.dtype(dtype).kind != "f" else (values * top).astype(dtype)


def save(path: Path, array: np.ndarray, kind: str, **more: Any) -> Path:
    first = np.ascontiguousarray(np.moveaxis(array, 2, 0))
    if kind == "npy":
        np.save(path.with_suffix(".npy"), array)
        return path.with_suffix(".npy")
    if kind == "interleaved":
        tifffile.imwrite(path, array, photometric="minisblack", planarconfig="contig", **more)
    elif kind == "planar":
        tifffile.imwrite(path, first, photometric="minisblack", planarconfig="separate", **more)
    else:
        tifffile.imwrite(path, first, photometric="minisblack", **more)
    return path


def pixels(decoded: DecodedImage) -> np.ndarray:
    assert decoded.pixels is not None, decoded.reason
    return decoded.pixels


def squashed(array: np.ndarray, size: int = 16) -> np.ndarray:
    planes = [Image.fromarray(array[..., band].astype(np.float32)) for band in range(array.shape[2])]
    return np.stack([np.asarray(plane.resize((size, size), Image.Resampling.BILINEAR)) for plane in planes], axis=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [2, 4, 5, 11])
def test_eight_bits_of_any_number_of_bands(tmp_path: Path, kind: str, channels: int) -> None:
    array = scene(channels, np.uint8)
    got = pixels(ImageFile(save(tmp_path / "a.tif", array, kind)).decode(spec(channels)))
    assert (got.dtype, got.shape) == (np.uint8, (16, 16, channels))
    assert np.abs(got - squashed(array)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "top"), [(np.uint16, 4095), (np.int16, 10000), (np.float32, 0.8), (np.float64, 3e4)])
def test_measured_values_are_scaled_as_said_and_keep_their_precision(
    tmp_path: Path, kind: str, dtype: Any, top: float
) -> None:
    array = scene(11, dtype, top)
    got = pixels(ImageFile(save(tmp_path / "a.tif", array, kind)).decode(spec(11, (0, top))))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, squashed(array) * (255 / top), atol=1e-3)
    assert np.abs(got - np.round(got)).max() > 0.1, "no rounding to 8 bits"


@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_compressed_tiffs(tmp_path: Path, compression: str | None, predictor: bool, byteorder: Any) -> None:
    more = {"compression": compression, "predictor": predictor} if compression else {}
    array = scene(6, np.uint16, 60000)
    path = save(tmp_path / "a.tif", array, "interleaved", byteorder=byteorder, **more)
    np.testing.assert_allclose(pixels(ImageFile(path).decode(spec(6, (0, 65535)))), squashed(array) / 257, atol=1e-2)


def test_a_range_of_its_own_for_each_band_and_what_lies_outside(tmp_path: Path) -> None:
    array = np.empty((8, 8, 2), np.float32)
    array[..., 0], array[..., 1] = 300.0, 0.2
    array[0, 0] = np.nan
    array[0, 1] = -9999, np.inf
    np.save(tmp_path / "a.npy", array)
    got = pixels(ImageFile(tmp_path / "a.npy").decode(spec(2, (200, 400), (0, 1), size=8)))
    np.testing.assert_allclose(got[4, 4], [127.5, 51], rtol=1e-5)
    np.testing.assert_allclose(got[0, 0], [0, 0], atol=1e-3)
    np.testing.assert_allclose(got[0, 1], [0, 255], atol=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_and_boxes_cut(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((32, 32, 5), np.uint16)
    upright[:16, 16:] = 1000  # above, to the right
    undo = {
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    stored = np.ascontiguousarray(undo.get(orientation, upright))
    path = save(tmp_path / "a.tif", stored, "interleaved", extratags=[(274, "H", 1, orientation, True)])
    whole = pixels(ImageFile(path).decode(spec(5, (0, 1000))))
    assert whole[3, 12].min() > 250
    assert whole[3, 3].max() == whole[12, 12].max() == 0
    part = pixels(ImageFile(path).decode(spec(5, (0, 1000)), Box(0.5, 0, 0.5, 0.5)))
    assert part.min() > 250


@pytest.mark.parametrize(
    ("channels", "pairs", "array", "words"),
    [
        (3, [], scene(11, np.uint8), "11 bands of 16 x 24 pixels, but the backbone takes 3.*Set backbone.in_chans=11"),
        (11, [], scene(3, np.uint8), "3 bands.*takes 11.*in_chans=3"),
        (11, [], scene(11, np.uint16, 4000), r"uint16, 0 to 4000, of unknown range.*backbone.value_range=\["),
        (2, [], scene(2, np.float32, 0.5), r"float32, 0 to 0.5, of unknown range"),
        (2, [(0, 4095)], scene(2, np.uint8), "8-bit, but backbone.value_range goes up to 4095"),
    ],
)
@pytest.mark.parametrize("kind", ["interleaved", "npy"])
def test_settings_that_do_not_fit_are_named_and_not_held_against_the_file(
    tmp_path: Path, channels: int, pairs: list[Any], array: np.ndarray, words: str, kind: str
) -> None:
    decoded = ImageFile(save(tmp_path / "a.tif", array, kind)).decode(spec(channels, *pairs))
    assert decoded.pixels is None
    assert (decoded.content_hash, decoded.stamp) == (None, None), "else the next settings would not try it again"
    with pytest.raises(PoolError, match=words):
        raise PoolError(decoded.reason)


def test_grey_serves_as_colour(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 4095, 24, dtype=np.uint16), (16, 1))
    np.save(tmp_path / "a.npy", ramp)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", ramp)
    for name in ("a.npy", "a.png", "a.tif"):
        got = pixels(ImageFile(tmp_path / name).decode(spec(3, (0, 4095))))
        assert (got[..., 0] == got[..., 2]).all()
        assert got.max() > 245, name


def test_sixteen_bit_grey_pictures_without_a_range_are_as_they_were(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 16, dtype=np.uint16), (16, 1))
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        got = pixels(ImageFile(tmp_path / name).decode(spec(1)))
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got[..., 0], np.round(ramp / 257))


def test_a_range_for_pictures_of_8_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    plain, ranged = (pixels(ImageFile(tmp_path / "a.png").decode(one)) for one in (spec(3), spec(3, (0, 255))))
    np.testing.assert_allclose(ranged, plain, atol=1e-3)


def test_colours_of_16_bits_are_not_cut_to_8(tmp_path: Path) -> None:
    array = scene(3, np.uint16, 300)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    got = pixels(ImageFile(tmp_path / "a.tif").decode(spec(3, (0, 300))))
    np.testing.assert_allclose(got, squashed(array) * (255 / 300), atol=1e-2)
    (tmp_path / "a.png").write_bytes(png16(array))
    assert "only 8 of the 16 bits" in (ImageFile(tmp_path / "a.png").decode(spec(3, (0, 300))).reason or "")


def test_colours_and_infrared(tmp_path: Path) -> None:
    array = scene(4, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unspecified"])
    four, three = (pixels(ImageFile(tmp_path / "a.tif").decode(spec(count))) for count in (4, 3))
    assert np.abs(four - squashed(array)).max() <= 1
    assert (three == four[..., :3]).all()


def png16(array: np.ndarray) -> bytes:
    """Pillow writes no colour PNG of 16 bits."""
    import zlib

    from PIL.PngImagePlugin import putchunk

    out = io.BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    height, width, _ = array.shape
    putchunk(out, b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x10\x02\0\0\0")
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    putchunk(out, b"IDAT", zlib.compress(rows))
    putchunk(out, b"IEND", b"")
    return out.getvalue()


def test_a_compression_that_needs_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As tifffile says it where imagecodecs is not installed."""

    def no_codec(*_: Any, **__: Any) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    path = save(tmp_path / "a.tif", scene(11, np.uint8), "interleaved", compression="zlib")
    grey = np.tile(np.linspace(0, 4095, 24, dtype=np.uint16), (16, 1))
    Image.fromarray(grey).save(tmp_path / "grey.tif", compression="tiff_lzw")
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", no_codec)
    decoded = ImageFile(path).decode(spec(11))
    assert "alframe[tiff]" in (decoded.reason or "")
    assert decoded.stamp is None, "it is tried again once the package is there"
    for channels in (1, 3):
        assert pixels(ImageFile(tmp_path / "grey.tif").decode(spec(channels, (0, 4095)))).max() > 245, (
            "Pillow knows LZW"
        )
    tifffile.imwrite(path, scene(5, np.uint8), photometric="rgb", extrasamples=["unspecified"] * 2)
    with Image.open(path) as image:
        assert image.mode == "RGB", "Pillow takes three of the five"
    assert "alframe[tiff]" in (ImageFile(path).decode(spec(5)).reason or "")


def test_tiffs_and_arrays_that_are_no_pictures(tmp_path: Path) -> None:
    cases = {
        "four axes": np.zeros((2, 3, 8, 8), np.uint8),
        "one axis": np.zeros(9, np.uint8),
        "nothing": np.zeros((0, 4, 3), np.uint8),
        "complex128": np.zeros((4, 4, 3), complex),
        "<U1": np.full((4, 4, 3), "a"),
        "Python objects": np.full((4, 4, 3), None),
    }
    for words, array in cases.items():
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        decoded = ImageFile(tmp_path / "a.npy").decode(spec(3))
        assert decoded.pixels is None, words
        assert decoded.content_hash is not None, words
        assert words in (decoded.reason or "") or "its array is" in (decoded.reason or ""), decoded.reason
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4, 8, 8), np.uint8), metadata={"axes": "TCYX"}, imagej=True)
    assert "2 axes beside height and width" in (ImageFile(tmp_path / "a.tif").decode(spec(12)).reason or "")


def test_a_tiff_of_too_many_pages_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.tif", scene(11, np.uint8), "pages")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 24)
    assert "too many to open safely" in (ImageFile(path).decode(spec(11)).reason or "")


def test_a_header_that_claims_too_much_takes_no_memory(tmp_path: Path) -> None:
    good = io.BytesIO()
    np.save(good, np.zeros((10, 10, 3), np.uint8))
    claims = good.getvalue().replace(b"(10, 10, 3)", b"(99999999, 99999999, 3)")
    header = len(claims) - 300 - 10
    (tmp_path / "a.npy").write_bytes(claims[:8] + header.to_bytes(2, "little") + claims[10:])
    assert "truncated" in (ImageFile(tmp_path / "a.npy").decode(spec(3)).reason or "")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compression", [None, "zlib"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=40), at=st.floats(0, 1), cut=st.booleans())
def test_damage_anywhere_never_raises(
    tmp_path: Path, kind: str, compression: str | None, junk: bytes, at: float, cut: bool
) -> None:
    more = {"compression": compression} if compression else {}
    path = save(tmp_path / "a.tif", scene(5, np.uint16, 4095), kind, **more)
    data = path.read_bytes()
    place = round(at * len(data))
    path.write_bytes(data[:place] if cut else data[:place] + junk + data[place + len(junk) :])
    decoded = ImageFile(path).decode(spec(5, (0, 4095)))
    assert (decoded.pixels is None) == (decoded.reason is not None)
    with contextlib.suppress(PoolError):
        open_for_viewing(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_cut_short_is_not_filled_up(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "a.tif", scene(5, np.uint16, 4095), kind)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 800])
    decoded = ImageFile(path).decode(spec(5, (0, 4095)))
    assert decoded.pixels is None
    assert decoded.content_hash is not None


@pytest.mark.parametrize("channels", [1, 3, 4, 11])
@pytest.mark.parametrize("pairs", [[], [(0, 4095)]], ids=["bytes", "measured"])
def test_from_file_to_network_input(tmp_path: Path, channels: int, pairs: list[Any]) -> None:
    array = scene(channels, np.uint16 if pairs else np.uint8, 4095 if pairs else 255)
    wanted = spec(channels, *pairs)
    item = Item("a.npy", save(tmp_path / "a.npy", array, "npy"))
    (batch,) = load_batches([item], wanted, [[0]], 0)
    before = batch.pixels.clone()
    x = normalise_pixels(batch.pixels, wanted, "cpu")
    assert torch.equal(batch.pixels, before), "normalising must not change the batch"
    assert (x.shape, x.dtype) == ((1, channels, 16, 16), torch.float32)
    expected = (squashed(array) / (4095 if pairs else 255) - 0.5) / 0.25
    np.testing.assert_allclose(x[0].permute(1, 2, 0).numpy(), expected, atol=0.02)
    batches = [([0, 0, 0], [1, 2, 1])]
    (varied,), (again,) = (list(load_augmented_batches([item], wanted, batches, workers)) for workers in (0, 1))
    assert torch.equal(varied.pixels, again.pixels)
    assert torch.equal(varied.pixels[0], varied.pixels[2])
    assert not torch.equal(varied.pixels[0], varied.pixels[1])
    assert varied.pixels.dtype == batch.pixels.dtype
    assert varied.pixels.min() >= 0 and varied.pixels.max() <= 255


def test_people_see_something(tmp_path: Path) -> None:
    array = scene(11, np.uint16, 4095)
    for kind in KINDS:
        path = save(tmp_path / "a.tif", array, kind)
        assert needs_conversion(path) or kind == "pages"  # of pages, every program shows the first
        seen = np.asarray(open_for_viewing(path))
        assert seen.shape == (16, 24, 3)
        assert seen.min() < 5 and seen.max() > 250, "12 of 16 bits are not to look black"
    colour = np.zeros((20, 40, 4), np.uint8)
    colour[..., 0], colour[..., 3] = 200, 99
    np.save(tmp_path / "colour.npy", colour)
    assert open_for_viewing(tmp_path / "colour.npy", side=10).size == (10, 5)
    assert open_for_viewing(tmp_path / "colour.npy").getpixel((3, 3)) == (200, 0, 0), "8 bits are shown as they are"
    Image.fromarray(colour[..., :3]).save(tmp_path / "a.png")
    assert not needs_conversion(tmp_path / "a.png")
    np.save(tmp_path / "nan.npy", np.full((4, 4), np.nan, np.float32))
    assert np.asarray(open_for_viewing(tmp_path / "nan.npy")).max() == 0
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY\x01\x00junk")
    with pytest.raises(PoolError, match="damaged"):
        open_for_viewing(tmp_path / "bad.npy")


def test_the_kinds_are_known_by_their_first_bytes() -> None:
    assert bands.is_tiff(b"II*\0....") and bands.is_tiff(b"MM\0+....")
    assert not bands.is_tiff(b"\xff\xd8\xff") and not bands.begins_as_npy(b"NUMPY")
