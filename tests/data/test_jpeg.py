"""A JPEG whose last bytes are missing is shown and used by others, so it is here too, and it is marked."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.data.decode import ImageFile
from alframe.data.viewing import open_for_viewing
from alframe.errors import PoolError
from alframe.types import Box, InputSpec
from tests.each import check_each

SPEC = InputSpec(32, (0.5,) * 3, (0.5,) * 3)


def jpeg(mode: str = "RGB", size: tuple[int, int] = (640, 480), **options: object) -> bytes:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).convert(mode).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


KINDS: dict[str, bytes] = {
    "colour": jpeg(),
    "grey": jpeg("L"),
    "CMYK": jpeg("CMYK"),
    "progressive": jpeg(progressive=True),
    "4:4:4": jpeg(subsampling=0),
    "odd size": jpeg(size=(633, 477)),
}


def decode(folder: Path, data: bytes, spec: InputSpec = SPEC, box: Box | None = None) -> tuple[object, str, str]:
    (folder / "a.jpg").write_bytes(data)
    decoded = ImageFile(folder / "a.jpg").decode(spec, box)
    return decoded.pixels, decoded.reason or "", decoded.damage or ""


def test_without_its_last_bytes_it_is_what_it_was(tmp_path: Path) -> None:
    def check(kind: str, cut: int) -> None:
        data = KINDS[kind]
        whole, *faults = decode(tmp_path, data)
        assert faults == ["", ""]
        pixels, reason, damage = decode(tmp_path, data[:-cut])
        assert reason == ""
        assert "last bytes are missing" in damage
        difference = np.abs(np.asarray(pixels, float) - np.asarray(whole, float))
        assert difference.mean() < 0.5
        assert open_for_viewing(tmp_path / "a.jpg").size == Image.open(io.BytesIO(data)).size

    check_each([(kind, cut) for kind in KINDS for cut in (1, 2, 17, 100)], check)


def test_the_part_that_is_left_decides(tmp_path: Path) -> None:
    data = KINDS["colour"]
    start = data.index(b"\xff\xda")  # where the blocks begin
    for part in (0.3, 0.6, 0.8, 0.96, 0.99):
        cut = data[: start + round(part * (len(data) - start))]
        for lost in (b"", bytes(5000)):  # a file system fills up with zeros what was never written
            pixels, reason, damage = decode(tmp_path, cut + lost)
            stated = re.search(r"(\d+) % of", reason + damage)
            assert stated is not None
            assert abs(int(stated[1]) - 100 * part) < 5
            assert (pixels is not None) == (part > 0.9)
            if part < 0.9:
                with pytest.raises(PoolError, match="cut short: only"):
                    open_for_viewing(tmp_path / "a.jpg")


def test_every_size_box_and_kind_of_input_says_the_same(tmp_path: Path) -> None:
    data = KINDS["colour"][:-300]
    bands = InputSpec(32, (0.5,) * 3, (0.5,) * 3, value_range=((0, 255),) * 3)
    specs = [SPEC, InputSpec(200, (0.5,), (0.5,)), InputSpec(600, (0.5,) * 3, (0.5,) * 3), bands]
    found = {decode(tmp_path, data, spec, box)[1:] for spec in specs for box in (None, Box(0.1, 0.1, 0.2, 0.2))}
    assert len(found) == 1
    once, again = (decode(tmp_path, data)[0] for _ in range(2))
    assert np.array_equal(np.asarray(once), np.asarray(again))
    measured = np.asarray(decode(tmp_path, data, bands)[0], float)  # by another way through the decoders
    assert np.abs(measured - np.asarray(once, float)).mean() < 2


def test_what_is_whole_is_not_marked(tmp_path: Path) -> None:
    whole = KINDS["colour"]
    pixels = decode(tmp_path, whole)[0]
    for data in (whole + bytes(3000), whole + b"a film of a telephone" * 99, whole + whole[:500]):
        assert decode(tmp_path, data)[1:] == ("", "")
        assert np.array_equal(np.asarray(decode(tmp_path, data)[0]), np.asarray(pixels))


def test_damage_in_the_middle_is_still_a_reason(tmp_path: Path) -> None:
    whole = KINDS["colour"]
    for data, words in (
        (whole[:30], "cut short"),
        (whole[:3], "not an image|damaged|cut short"),
        (whole[: len(whole) // 2] + b"\xff\xd8\xff\xc0" * 50, "damaged|cut short"),
    ):
        pixels, reason, damage = decode(tmp_path, data)
        assert (pixels, damage) == (None, "")
        assert re.search(words, reason)
