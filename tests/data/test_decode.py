"""Every file gives pixels or a reason in plain words, never an exception."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import PIL
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version
from PIL import Image

from alframe.builtins import REGISTRIES
from alframe.data import decode
from alframe.data.decode import ImageFile
from alframe.data.viewing import needs_conversion, open_for_viewing
from alframe.types import Box, InputSpec

RGB = InputSpec(32, (0.5,) * 3, (0.5,) * 3)
GREY = InputSpec(32, (0.5,), (0.5,))
BANDS = InputSpec(32, (0.5,) * 3, (0.5,) * 3, value_range=((0, 255),) * 3)


def quadrants(mode: str = "RGB", size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Red, green above blue, white: every turn shows."""
    image = Image.new("RGB", size)
    w, h = size[0] // 2, size[1] // 2
    for place, colour in {(0, 0): "red", (w, 0): "lime", (0, h): "blue", (w, h): "white"}.items():
        image.paste(colour, (*place, place[0] + w, place[1] + h))
    return image.convert(mode)


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(round(int(v) / 255) for v in pixels[y, x]) for y, x in ((4, 4), (4, -5), (-5, 4), (-5, -5))]


UPRIGHT = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp", "a.gif"])
def test_formats(tmp_path: Path, name: str) -> None:
    quadrants().save(tmp_path / name)
    decoded = ImageFile(tmp_path / name).decode(RGB)
    assert decoded.reason is None
    assert decoded.pixels is not None
    assert decoded.pixels.shape == (32, 32, 3)
    assert decoded.pixels.dtype == np.uint8
    assert corners(decoded.pixels) == UPRIGHT
    assert decoded.content_hash == hashlib.blake2b((tmp_path / name).read_bytes(), digest_size=16).digest()
    assert decoded.stamp == ((found := (tmp_path / name).stat()).st_size, found.st_mtime_ns)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    stored_as = {  # what a camera held that way writes
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quadrants() if orientation == 1 else quadrants().transpose(stored_as[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    stored.save(path, exif=exif)
    whole = ImageFile(path).decode(RGB).pixels
    assert whole is not None
    assert corners(whole) == UPRIGHT
    part = ImageFile(path).decode(RGB, Box(0.5, 0.0, 0.5, 0.5)).pixels  # the box is of the upright picture
    assert part is not None
    assert corners(part) == [(0, 1, 0)] * 4


def test_a_small_box_of_a_large_jpeg_stays_sharp(tmp_path: Path) -> None:
    image = Image.new("L", (3200, 2400))
    stripes = Image.fromarray(np.tile(np.repeat(np.array([0, 255], np.uint8), 10), (100, 5)))  # 10 px wide
    image.paste(stripes, (0, 0))
    image.save(tmp_path / "a.jpg", quality=95)
    spec = InputSpec(100, (0.5,), (0.5,))
    pixels = ImageFile(tmp_path / "a.jpg").decode(spec, Box(0, 0, 100 / 3200, 100 / 2400)).pixels
    assert pixels is not None
    assert float(np.ptp(pixels[50])) > 240, "the JPEG was shrunk before the box was cut"


def test_the_shortcut_for_large_jpegs_changes_little(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    large = small.resize((1600, 1200), Image.Resampling.BICUBIC)
    large.save(tmp_path / "a.jpg", quality=95)
    full = np.asarray(Image.open(tmp_path / "a.jpg").resize((32, 32), Image.Resampling.BICUBIC), dtype=float)
    pixels = ImageFile(tmp_path / "a.jpg").decode(RGB).pixels
    assert pixels is not None
    assert np.abs(pixels - full).mean() < 2.0  # grey levels, of noise, the worst case


def test_the_content_tells_boxes_apart(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "a.png")
    quadrants().save(tmp_path / "b.png")
    path = tmp_path / "a.png"
    contents = [ImageFile(path).decode(RGB, box).content_hash for box in (None, Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1))]
    assert len(set(contents)) == 3
    assert ImageFile(tmp_path / "b.png").decode(RGB).content_hash == contents[0]


def test_boxes_of_one_file_come_out_as_each_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)).resize((1280, 960))
    exif = Image.Exif()
    exif[0x0112] = 6
    noise.save(tmp_path / "a.jpg", exif=exif)
    # Of three sizes: the whole picture and a large part at an eighth, others at a half or in full.
    boxes = [None, Box(0, 0, 0.9, 0.9), Box(0.1, 0.2, 0.1, 0.1), Box(0.4, 0.2, 0.1, 0.1), Box(0, 0.5, 0.05, 0.5)]
    alone = [ImageFile(tmp_path / "a.jpg").decode(RGB, box) for box in boxes]
    decoded = []
    to_eight_bit = decode.to_eight_bit
    monkeypatch.setattr(decode, "to_eight_bit", lambda *args: decoded.append(args[0].size) or to_eight_bit(*args))
    file = ImageFile(tmp_path / "a.jpg")
    together = [file.decode(RGB, box) for box in boxes]
    for one, other in zip(alone, together, strict=True):
        assert one.pixels is not None
        assert other.pixels is not None
        assert np.array_equal(one.pixels, other.pixels)
        assert (one.content_hash, one.stamp) == (other.content_hash, other.stamp)
    assert len(boxes) > len(decoded) == len(set(decoded)) > 1, "each size once"


def test_a_bad_box_leaves_the_others_of_its_file_alone(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "a.jpg")
    file = ImageFile(tmp_path / "a.jpg")
    bad, empty, good = (file.decode(RGB, box) for box in (Box(2, 2, 1, 1), Box(0, 0, 0, 1), Box(0, 0, 1, 1)))
    assert (bad.pixels, empty.pixels) == (None, None)
    assert good.reason is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "LAB", "I;16"])
@pytest.mark.parametrize("spec", [RGB, GREY], ids=["colour", "grey"])
def test_modes(tmp_path: Path, mode: str, spec: InputSpec) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr", "LAB", "HSV", "I;16") else "a.png")
    if mode == "HSV":
        pytest.skip("no format stores it")
    if mode == "YCbCr" and Version(PIL.__version__) < Version("13"):
        pytest.skip("Pillow 13 is the first that reads the TIFF file that it writes")
    quadrants(mode).save(path)
    decoded = ImageFile(path).decode(spec)
    assert decoded.reason is None
    assert decoded.pixels is not None
    assert decoded.pixels.shape == (32, 32, spec.channels)
    if mode != "I;16":  # Pillow itself fills that one with 8-bit values
        assert decoded.pixels[-5, -5].min() > 250


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)
    Image.fromarray(np.tile(ramp, (64, 1))).save(tmp_path / f"a.{suffix}")
    pixels = ImageFile(tmp_path / f"a.{suffix}").decode(GREY).pixels
    assert pixels is not None
    row = pixels[16, :, 0].astype(int)
    assert row[0] < 8
    assert row[-1] > 247
    assert abs(row[16] - 131) < 4
    assert (np.diff(row) > 0).all()


def test_transparency_is_shown_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.png")
    pixels = ImageFile(tmp_path / "a.png").decode(RGB).pixels
    assert pixels is not None
    assert (pixels == 255).all()


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (jpeg()[:700], "cut short"),
        (jpeg()[:30], "picture|not an image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged|not an image"),
    ],
)
def test_bad_content(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    decoded = ImageFile(path).decode(RGB)
    assert decoded.pixels is None
    assert decoded.content_hash is not None
    assert decoded.reason is not None
    assert any(word in decoded.reason for word in words.split("|")), decoded.reason


def test_heic_names_the_package_that_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    path = tmp_path / "a.jpg"  # a telephone's picture under another name
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    for decoded in (ImageFile(path).decode(RGB), ImageFile(path).decode(BANDS)):
        assert "HEIC" in (decoded.reason or "")
        assert 'pip install "alframe[heif]"' in (decoded.reason or "")
        assert decoded.stamp is None, "it is tried again, for the package may have been installed"


def test_heic_is_read_where_the_package_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    path = tmp_path / "a.HEIC"
    quadrants().save(path, "HEIF", quality=95)
    decoded = ImageFile(path).decode(RGB)
    assert decoded.pixels is not None
    assert corners(decoded.pixels) == UPRIGHT
    assert needs_conversion(path)  # few viewers show it
    assert open_for_viewing(path).size == quadrants().size
    assert [item.id for item in REGISTRIES["pool"].build({"name": "folder", "root": tmp_path}).items()] == ["a.HEIC"]


def test_bad_files(tmp_path: Path) -> None:
    for path, words in [
        (tmp_path / "missing.jpg", "no such file"),
        (tmp_path, "folder"),
        (tmp_path / "a.jpg" / "b.jpg", "no such file"),
        (Path("a\0b.jpg"), "cannot be read"),
    ]:
        decoded = ImageFile(path).decode(RGB)
        assert decoded.pixels is None
        assert decoded.content_hash is None
        assert decoded.reason is not None
        assert words in decoded.reason


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    path.chmod(0)
    assert "permission" in (ImageFile(path).decode(RGB).reason or "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert "pipe" in (ImageFile(tmp_path / "a.jpg").decode(RGB).reason or "")


def test_a_bomb(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import putchunk

    out = io.BytesIO(b"")
    out.write(b"\x89PNG\r\n\x1a\n")
    putchunk(out, b"IHDR", (50000).to_bytes(4, "big") * 2, b"\x08\x02\0\0\0")
    putchunk(out, b"IDAT", bytes(20))
    (tmp_path / "a.png").write_bytes(out.getvalue())
    assert "too many" in (ImageFile(tmp_path / "a.png").decode(RGB).reason or "")


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.float32)).save(tmp_path / "a.tif")
    assert "floating-point" in (ImageFile(tmp_path / "a.tif").decode(RGB).reason or "")


@pytest.mark.parametrize("box", [Box(0.2, 0.2, 0, 0.5), Box(1.5, 0, 0.5, 0.5), Box(0, 0, float("nan"), 1)])
def test_an_impossible_box(tmp_path: Path, box: Box) -> None:
    quadrants().save(tmp_path / "a.png")
    assert "box" in (ImageFile(tmp_path / "a.png").decode(RGB, box).reason or "")


def test_a_box_over_the_edge_is_cut_to_the_picture(tmp_path: Path) -> None:
    quadrants().save(tmp_path / "a.png")
    pixels = ImageFile(tmp_path / "a.png").decode(RGB, Box(0.6, 0.6, 2, 2)).pixels
    assert pixels is not None
    assert (pixels == 255).all()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, 900))
def test_damage_anywhere_never_raises(tmp_path: Path, junk: bytes, at: int) -> None:
    data = jpeg()
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:at] + junk + data[at + len(junk) :])
    decoded = ImageFile(path).decode(RGB)
    assert (decoded.pixels is None) == (decoded.reason is not None)
