"""Images that a file lists: rows of one image, paths as other systems write them, and what is not there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image, ImageOps

from alframe.errors import PoolError
from alframe.kit.listed_images import ListedImage, ListedImages
from alframe.types import Box, Item


def make(root: Path, *files: str) -> None:
    for number, file in enumerate(files):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"{number}")


def read(root: Path, paths: Sequence[str], **more: str) -> list[Item]:
    rows = [ListedImage(path, f"row {number}") for number, path in enumerate(paths, start=2)]
    return list(ListedImages(root / "list.csv", root, **more).items(rows))


def found(root: Path, *paths: str) -> list[tuple[str, str]]:
    """The id of each image, and the file that it is, relative to the root."""
    return [(item.id, item.path.relative_to(root).as_posix()) for item in read(root, paths)]


CAMS = ("cam1/IMG_1.JPG", "cam1/IMG_2.JPG", "cam2/IMG_1.JPG", "cam2/IMG_2.JPG")


def test_accents_and_cases_of_another_system(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    composed, decomposed = "Höhle/Füchs_1.JPG", normalize("NFD", "Höhle/Füchs_1.JPG")
    make(tmp_path, decomposed, "Cam1/IMG_1.JPG", "b.jpg")
    assert found(tmp_path, composed, "cam1\\img_1.jpg", "b.jpg") == [
        (composed, decomposed),
        ("cam1/img_1.jpg", "Cam1/IMG_1.JPG"),
        ("b.jpg", "b.jpg"),
    ]
    assert "2 images have another case or other accents on the disk than in the list" in caplog.text
    assert r"'H\xf6hle/F\xfcchs_1.JPG' is listed, 'Ho\u0308hle/Fu\u0308chs_1.JPG' is there" in caplog.text


@pytest.mark.parametrize(
    "prefix", ["D:\\traps\\2023\\", "/mnt/old/", "\\\\nas\\share\\traps\\", "traps/", "file:///D:/traps/"]
)
def test_paths_of_another_system_are_known_by_their_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, prefix: str
) -> None:
    make(tmp_path, *CAMS)
    paths = [(prefix + path).replace("/", "\\") if "\\" in prefix else prefix + path for path in CAMS]
    assert found(tmp_path, *paths) == [(path, path) for path in CAMS]
    assert f"are looked for below {tmp_path}" in caplog.text


def test_of_two_seasons_the_one_that_is_called_as_the_root_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path / "2024", *CAMS[:3])
    paths = [f"D:\\{year}\\{path}" for year in (2023, 2024) for path in CAMS]
    items = read(tmp_path / "2024", paths)
    there = [item.id for item in items if item.path.is_file()]
    assert there == list(CAMS[:3]) and len(items) == 8
    assert (
        "5 of 8 images do not exist below" in caplog.text and r"e.g. 'D:\2023\cam1/IMG_1.JPG' in row 2" in caplog.text
    )
    make(tmp_path / "pool", *CAMS)
    with pytest.raises(PoolError, match=re.escape("replaced 'D:/2023/', 'D:/2024/', two rows")):
        read(tmp_path / "pool", paths)
    assert len(read(tmp_path / "pool", paths[4:])) == 4, "the remedy: the rows of one of them"


def test_a_wrong_root_is_named_with_a_remedy_that_works(tmp_path: Path) -> None:
    make(tmp_path / "data" / "traps", *CAMS)
    paths = [f"D:\\old\\{path}" for path in CAMS]
    with pytest.raises(
        PoolError, match=r"Set pool.root .* If the paths are of another computer, set it to the folder with"
    ):
        read(tmp_path, paths)
    assert len(read(tmp_path / "data" / "traps", paths)) == 4


def test_rows_of_another_folder_are_not_taken_for_images_that_are_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, *CAMS)
    for other in ("north/", "D:\\north\\"):
        items = read(tmp_path, [CAMS[0], f"{other}{CAMS[0]}", f"{other}{CAMS[1]}"])
        assert [item.path.is_file() for item in items] == [True, False, False]
    assert "2 of 3 images do not exist below" in caplog.text


def test_characters_written_in_percent(tmp_path: Path) -> None:
    make(tmp_path, "cam 1/IMG_1.JPG", "50%.jpg")
    assert found(tmp_path, "cam%201/IMG_1.JPG", "50%.jpg") == [("cam 1/IMG_1.JPG",) * 2, ("50%.jpg",) * 2]


def test_an_exact_file_is_not_another_s_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a/IMG_1.JPG", "b/x.jpg", "b/X.jpg", "c.jpg")
    paths = found(tmp_path, "a/img_1.jpg", "a/IMG_1.JPG", "b/x.JPG", "c.jpg")
    assert paths == [(path, path) for path in ("a/img_1.jpg", "a/IMG_1.JPG", "b/x.JPG", "c.jpg")]
    assert "1 of 4 images could be several files below" in caplog.text and "'b/x.JPG' in row 4" in caplog.text
    assert "1 of 4 images do not exist below" in caplog.text and "'a/img_1.jpg' in row 2" in caplog.text


def test_images_in_folders_with_many(tmp_path: Path) -> None:
    names = [f"a/{number}.jpg" for number in range(50)]
    make(tmp_path, *names[:40], "a/X.jpg")
    items = read(tmp_path, [*names, "a/x.JPG"])
    assert [item.path.is_file() for item in items] == [True] * 40 + [False] * 10 + [True]


def test_rows_of_one_image_count_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, *CAMS)
    small, large = Box(0, 0, 0.1, 0.1), Box(0.5, 0.5, 0.4, 0.4)
    rows = [
        ListedImage(CAMS[0], "row 2", [("fox", small)], camera="north"),
        ListedImage(CAMS[1], "row 3", [("fox", None)]),
        ListedImage(f"./{CAMS[0]}", "row 4", [("fox", large)], split="test", sequence="s", camera="south"),
        ListedImage(f"D:\\{tmp_path.name}\\{CAMS[1]}", "row 5", [("hare", None)]),
        ListedImage(CAMS[2], "row 6"),
    ]
    (one, three) = ListedImages(tmp_path / "list.csv", tmp_path).items(rows)
    assert (one.label, one.box, one.split, one.camera, one.sequence) == ("fox", large, "test", "north", "s")
    assert three.id == CAMS[2]
    assert "2 images that are listed again; their labels count together, e.g. ./cam1/IMG_1.JPG in row 2, row 4" in (
        caplog.text
    )
    assert (
        "1 images left out, because they have several classes (pool.several=first takes the first), e.g. cam1/IMG_2"
        in (caplog.text)
    )
    assert [item.label for item in ListedImages(tmp_path / "x", tmp_path, "first").items(rows)] == ["fox", "fox", None]


def test_a_bad_path_costs_only_its_row_and_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a.jpg")
    assert [item.id for item in read(tmp_path, ["a.jpg", "", ".", "b\0.jpg"])] == ["a.jpg"]
    assert (
        "3 images left out, because they cannot be used, e.g. " in caplog.text
        and "row 3: the path is blank" in caplog.text
    )
    with pytest.raises(
        PoolError, match=r"lists no image that can be used: 1 cannot be used, e.g. .*row 2: the path is bl"
    ):
        read(tmp_path, [""])


WIDTH, HEIGHT = 200, 120
ANIMAL = (150, 10, 190, 40)  # left, top, right and bottom in the stored picture


def draw(file: Path, orientation: int) -> tuple[np.ndarray, Box]:
    """A dark picture with a bright animal; return it upright, and the animal's box in the stored one."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    left, top, right, bottom = ANIMAL
    pixels[top:bottom, left:right] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(file, quality=95, exif=exif)
    with Image.open(file) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    return upright, Box(left / WIDTH, top / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT)


def brightness(upright: np.ndarray, box: Box) -> float:
    height, width = upright.shape
    rows = slice(round(box.y * height), round((box.y + box.h) * height))
    return float(upright[rows, round(box.x * width) : round((box.x + box.w) * width)].mean())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("scale", [1, 0.5])
def test_boxes_measured_in_the_stored_picture_are_turned(tmp_path: Path, orientation: int, scale: float) -> None:
    """Where width and height do not tell, the file's other images do."""
    upright, box = draw(tmp_path / "a.jpg", orientation)
    draw(tmp_path / "b.jpg", 6)
    size = (WIDTH * scale, HEIGHT * scale)
    rows = [ListedImage(name, "row 2", [("fox", box)], size=size) for name in ("a.jpg", "b.jpg")]
    item = next(ListedImages(tmp_path / "set.json", tmp_path).items(rows))
    assert item.box is not None and brightness(upright, item.box) > 250


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_measured_in_the_upright_picture_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, orientation: int
) -> None:
    upright, box = draw(tmp_path / "a.jpg", orientation)
    height, width = upright.shape
    row = ListedImage("a.jpg", "row 2", [("fox", box)], size=(width, height))
    (item,) = ListedImages(tmp_path / "set.json", tmp_path).items([row])
    assert item.box == box
    assert ("1 images that EXIF turns or mirrors have boxes" in caplog.text) == (orientation in (2, 3, 4))


def test_paths_that_differ_in_case_alone_are_one_image_where_they_are_one_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a/IMG_1.JPG", "b/IMG_1.JPG", "b/img_1.jpg")
    (tmp_path / "a" / "img_1.jpg").hardlink_to(tmp_path / "a" / "IMG_1.JPG")  # as on a system without cases
    assert found(tmp_path, "a/IMG_1.JPG", "a/img_1.jpg", "b/IMG_1.JPG", "b/img_1.jpg") == [
        (path, path) for path in ("a/IMG_1.JPG", "b/IMG_1.JPG", "b/img_1.jpg")
    ]
    assert "are listed again; their labels count together" in caplog.text


def test_a_path_in_the_current_folder_of_a_drive_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a.jpg", "b.jpg")
    assert found(tmp_path, "a.jpg", "D:b.jpg") == [("a.jpg", "a.jpg")]
    assert "has no backslash after the drive" in caplog.text


def test_a_slash_before_a_path_is_no_other_spelling(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, *CAMS)
    assert found(tmp_path, *(f"/{path}" for path in CAMS)) == [(path, path) for path in CAMS]
    assert f"'/' are looked for below {tmp_path}" in caplog.text and "another case" not in caplog.text
