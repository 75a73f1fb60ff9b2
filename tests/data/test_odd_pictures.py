"""Pictures of every odd kind that cards and telephones bring: what others see is used, what is lost is said."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.builtins import REGISTRIES
from alframe.data.decode import ImageFile
from alframe.types import InputSpec
from tests.each import check_each

SPEC = InputSpec(32, (0.5,) * 3, (0.5,) * 3)
RED = (200, 30, 30)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def plain(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (96, 64), RED).convert(mode)


def see_through() -> Image.Image:
    picture = plain("P")
    picture.info["transparency"] = 255  # a colour that nothing has
    return picture


def frames(kind: str) -> bytes:
    others = [Image.new("RGB", (96, 64), "blue"), Image.new("RGB", (96, 64), "green")]
    return saved(plain(), kind, save_all=True, append_images=others, duration=100)


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))


USED: dict[str, Callable[[], bytes]] = {
    "CMYK.jpg": lambda: saved(plain("CMYK"), "JPEG"),
    "progressive.jpg": lambda: saved(plain(), "JPEG", progressive=True),
    "palette.png": lambda: saved(plain("P"), "PNG"),
    "transparent.png": lambda: saved(see_through(), "PNG"),
    "animated.gif": lambda: frames("GIF"),
    "animated.webp": lambda: frames("WEBP"),
    "two eyes.JPG": lambda: frames("MPO"),
    "webp named.jpg": lambda: saved(plain(), "WEBP"),
    "without its end.png": lambda: saved(plain(), "PNG")[:-12],  # the mark of the end holds no pixels
    "without its second picture.jpg": lambda: frames("MPO")[:-500],
}
LOST: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut.png": (lambda: saved(noise(), "PNG")[:9000], "cut short"),
    "cut.webp": (lambda: saved(noise(), "WEBP")[:900], "damaged|not an image|cut short"),
    "empty.jpg": (lambda: b"", "the file is empty"),
    "page.jpg": (lambda: b"<html>404</html>", "not an image"),
    "zeros.jpg": (lambda: bytes(5000), "not an image"),
}


def test_what_others_see_is_used(tmp_path: Path) -> None:
    def check(name: str, make: Callable[[], bytes]) -> None:
        (tmp_path / name).write_bytes(make())
        decoded = ImageFile(tmp_path / name).decode(SPEC)
        assert decoded.reason is None
        assert decoded.pixels is not None
        # Of several pictures the first one. GIF and WebP take the nearest colour that they have.
        assert np.abs(decoded.pixels.reshape(-1, 3).mean(axis=0) - RED).max() < 45

    check_each(USED.items(), check)


def test_what_is_lost_has_a_reason(tmp_path: Path) -> None:
    def check(name: str, case: tuple[Callable[[], bytes], str]) -> None:
        (tmp_path / name).write_bytes(case[0]())
        decoded = ImageFile(tmp_path / name).decode(SPEC)
        assert decoded.pixels is None
        assert any(word in (decoded.reason or "") for word in case[1].split("|")), decoded.reason

    check_each(LOST.items(), check)


def test_sixteen_bits_of_grey_keep_their_brightness(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 96), 40000, np.uint16)).save(tmp_path / "a.png")
    pixels = ImageFile(tmp_path / "a.png").decode(SPEC).pixels
    assert pixels is not None
    assert abs(float(pixels.mean()) - 40000 / 257) < 1


def test_the_odd_card(caplog: pytest.LogCaptureFixture) -> None:
    card = Path(__file__).parents[3] / "shared" / "cases" / "odd-images" / "pool"
    if not card.is_dir():
        pytest.skip(f"needs {card}")
    items = list(REGISTRIES["pool"].build({"name": "folder", "root": card}).items())
    heic = "" if "HEIF" in Image.OPEN else ", 1 HEIC picture"
    (message,) = [record.getMessage() for record in caplog.records if "Left out" in record.getMessage()]
    assert {part.strip(" .") for part in message.partition(": ")[2].split(". To")[0].split(",")} == {
        *("2 raw files", "1 video"), *filter(None, [heic.strip(", ")]),
    }  # fmt: skip
    decoded = {os.fspath(item.id): ImageFile(item.path).decode(SPEC) for item in items}
    assert {name for name, one in decoded.items() if one.damage} == {"t_missing_eoi.jpg", "t_minus17.jpg"}
    assert {name for name, one in decoded.items() if one.reason} >= {
        "t_half.jpg",
        "t_zero.jpg",
        "t_html.jpg",
        "t_nulls.jpg",
    }
    assert all(one.reason is None for name, one in decoded.items() if name.startswith(("a_", "ok_", "m_", "s_")))
