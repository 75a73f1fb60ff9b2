"""Lists of images as tables leave them: words for unknown values, flags as text, spellings of one class."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from alframe.errors import PoolError
from alframe.pools.coco import Coco
from alframe.pools.csv import Csv
from alframe.pools.folder import Folder
from alframe.types import Box, Item

NAN = float("nan")
CATEGORIES = [{"id": 0, "name": "empty"}, {"id": 1, "name": "fox"}]


def make_images(folder: Path, count: int = 4) -> None:
    (folder / "a").mkdir(exist_ok=True)
    for number in range(count):
        (folder / "a" / f"{number}.jpg").touch()


def read_coco(folder: Path, *images: dict[str, Any], labels: Any = (), categories: Any = CATEGORIES) -> list[Item]:
    make_images(folder)
    listed = [{"id": number, "file_name": f"a/{number}.jpg", **image} for number, image in enumerate(images)]
    data = {"images": listed, "annotations": labels, "categories": categories}
    (folder / "set.json").write_text(json.dumps(data), encoding="utf-8")
    return list(Coco(folder / "set.json", boxes=True).items())


def read_csv(folder: Path, text: str, **params: Any) -> list[Item]:
    make_images(folder)
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return list(Csv(folder / "list.csv", label_column="label", **params).items())


@pytest.mark.parametrize("unknown", [NAN, None])
def test_no_camera_and_no_sequence(tmp_path: Path, unknown: float | None) -> None:
    found = read_coco(tmp_path, *[{"location": unknown, "seq_id": unknown, "datetime": unknown}] * 2)
    assert [(item.camera, item.sequence) for item in found] == [(None, None)] * 2


@pytest.mark.parametrize("word", ["NA", "None", "nan"])
def test_texts_are_names_of_cameras_and_sequences(tmp_path: Path, word: str) -> None:
    found = read_coco(tmp_path, {"location": word, "seq_id": word})
    rows = f"path,label,camera,burst\na/0.jpg,fox,{word},{word}\n"
    found += read_csv(tmp_path, rows, camera_column="camera", sequence_column="burst")
    assert [(item.camera, item.sequence) for item in found] == [(word, word)] * 2


@pytest.mark.parametrize("flag", [True, 1, 1.0, "true", "TRUE", "yes"])
def test_flags_may_be_text_or_numbers(tmp_path: Path, caplog: pytest.LogCaptureFixture, flag: object) -> None:
    label = {"id": 0, "image_id": 0, "category_id": 1, "sequence_level_annotation": flag}
    assert [item.label for item in read_coco(tmp_path, {}, {"corrupt": flag}, labels=[label])] == [None]
    assert "1 images left out, because they are marked as corrupt" in caplog.text
    assert "have labels of their sequence only" in caplog.text


def test_categories_with_one_id_are_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = [{"id": n, "image_id": n, "category_id": n} for n in range(2)]
    found = read_coco(tmp_path, {}, {}, labels=labels, categories=[*CATEGORIES, {"id": 1.0, "name": "hare"}])
    assert [item.label for item in found] == ["empty", None]
    assert (
        "1 categories have the id of another category" in caplog.text
        and "('hare') has the id 1 of 'fox'" in caplog.text
    )


def test_spellings_of_one_category_are_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labels = [{"id": 0, "image_id": 0, "category_id": 1}]
    found = read_coco(tmp_path, {}, labels=labels, categories=[*CATEGORIES, {"id": 1, "name": "Fox"}])
    assert [item.label for item in found] == ["fox"] and "the id of another category" not in caplog.text


def test_a_box_in_bbox_is_in_pixels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    label = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 1]}
    assert read_coco(tmp_path, {"width": 40, "height": 20}, labels=[label])[0].box == Box(0, 0, 1 / 40, 1 / 20)
    assert "1 images that have a box of at most one pixel" in caplog.text and "bbox_relative" in caplog.text
    caplog.clear()
    read_coco(tmp_path, {"width": 40, "height": 20}, labels=[label | {"bbox": [0, 0, 1, 2]}])
    assert not caplog.text


def test_spellings_of_one_class_do_not_differ(tmp_path: Path) -> None:
    rows = [("0", "Fox"), ("0", "fox"), ("1", "fox"), ("1", "NONE"), ("2", "fox"), ("2", "hare"), ("3", "NA")]
    found = read_csv(tmp_path, "path,label\n" + "".join(f"a/{number}.jpg,{name}\n" for number, name in rows))
    assert {item.id: item.label for item in found} == {"a/0.jpg": "Fox", "a/3.jpg": "NA"}, "NONE may be a class"


@pytest.mark.parametrize(
    "text",
    [
        "sep = ;\n\npath;label\na/0.jpg;fox\n",
        "path|label\na/0.jpg|fox\n",
        "path,label,sex (m|f|u|j)\na/0.jpg,fox,m\n",
        "path,\u200bLabel\u00a0\na/0.jpg,fox\n",
    ],
)
def test_headers_in_other_forms(tmp_path: Path, text: str) -> None:
    assert [item.label for item in read_csv(tmp_path, text)] == ["fox"]


def test_numbers_of_classes_may_have_a_decimal_point(tmp_path: Path) -> None:
    rows = "path,label\na/0.jpg,1.0\na/1.jpg,0\n"
    assert [item.label for item in read_csv(tmp_path, rows, class_names=["fox", "hare"])] == ["hare", "fox"]


def test_a_split_column_without_a_test_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for split, noticed in (("Test", False), ("testing", True)):
        read_csv(tmp_path, f"path,label,split\na/0.jpg,fox,{split}\na/1.jpg,fox,train\n", split_column="split")
        assert ("no row has the split 'test'" in caplog.text) == noticed
    assert "'testing' (1 rows), 'train' (1 rows)" in caplog.text


def test_a_folder_is_no_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_csv(tmp_path, "path,label\na,hare\na/0.jpg,fox\n")
    assert "1 of 2 images do not exist" in caplog.text and "'a' in row 2" in caplog.text


def test_thumbnails_of_drives_are_no_images(tmp_path: Path) -> None:
    make_images(tmp_path, 1)
    for folder in ("@eaDir/0.jpg", "__MACOSX", "#recycle"):
        (tmp_path / "a" / folder).mkdir(parents=True)
        (tmp_path / "a" / folder / "0.jpg").touch()
    assert [item.id for item in Folder(tmp_path).items()] == ["a/0.jpg"]


def test_rows_of_one_path_that_speak_of_two_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "path,label,camera\na/0.jpg,,cam1\na/0.jpg,fox,{}\n"
    read_csv(tmp_path, rows.format("cam1"), camera_column="camera")
    assert "another camera" not in caplog.text
    read_csv(tmp_path, rows.format("cam2"), camera_column="camera")
    assert "1 images that are listed again with another camera, time or sequence; the first one counts" in caplog.text
    assert "a/0.jpg in row 2, row 3: 'cam1' and 'cam2'" in caplog.text


def test_the_word_for_unlabelled_in_any_case(tmp_path: Path) -> None:
    rows = "path,label\na/0.jpg,todo\na/1.jpg,TODO\na/2.jpg,fox\n"
    assert [item.label for item in read_csv(tmp_path, rows, unlabelled="Todo ")] == [None, None, "fox"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\0\0", "is a workbook, which is not read. Save it as CSV UTF-8"),
        (b"Export\n\npath,label\na/0.jpg,fox\n", "the columns path, label are in row 3. Delete the rows above it"),
        (b"path,label\n0.jpg,fox\n", "But there is a/0.jpg. If it is that image, write its folder into the path"),
        (b"path,label\n9.jpg,fox\n", "Set pool.root"),
    ],
)
def test_lists_that_need_a_change_say_which(tmp_path: Path, content: bytes, message: str) -> None:
    make_images(tmp_path, 1)
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(PoolError, match=re.escape(message)):
        list(Csv(tmp_path / "list.csv", label_column="label").items())
