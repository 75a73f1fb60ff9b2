"""COCO files: any content is read or refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import FormatError
from alframe.formats.coco import CocoAnnotation, read_coco


def write(folder: Path, data: object) -> Path:
    (folder / "set.json").write_text(json.dumps(data), encoding="utf-8")
    return folder / "set.json"


def test_ids_may_be_numbers_or_text(tmp_path: Path) -> None:
    data = {
        "categories": [{"id": "1", "name": " fox "}],
        "images": [{"id": 7, "file_name": "a.jpg", "location": 0, "width": "wide", "height": 3}],
        "annotations": [{"image_id": "7", "category_id": 1, "bbox": []}],
    }
    found = read_coco(write(tmp_path, data))
    assert found.annotations == {"7": (CocoAnnotation("fox"),)}
    assert (found.images["7"].location, found.images["7"].size) == ("0", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"annotations": []}, "lists no image, or is not a COCO file"),
        ({"images": [{"id": 1}]}, r"images\[0\] has no file_name"),
        ({"images": [{"file_name": "a"}]}, r"images\[0\] has no id"),
        ({"images": ["a"]}, r"images\[0\] is 'a': must be an object"),
    ],
)
def test_errors_name_the_place(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(FormatError, match=message) as error:
        read_coco(write(tmp_path, data))
    assert "set.json" in str(error.value)


def test_a_bad_record_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = {
        "categories": [{"id": 1, "name": "fox"}, {"id": 2}, 7],
        "images": [{"id": 1, "file_name": "a"}, {"id": 2}, {"file_name": "c"}, None, {"id": 3, "file_name": "d"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [1, 2]},
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, float("nan"), 4]},
            {"image_id": 1, "category_id": 1, "bbox": ["1", 2, 3, 4]},
            {"image_id": 1, "category_id": 5},
            {"image_id": 3},
            {"image_id": 9, "category_id": 1},
        ],
    }
    found = read_coco(write(tmp_path, data))
    assert list(found.images) == ["1", "3"]
    fox = CocoAnnotation("fox")
    assert found.annotations == {"1": (fox, fox, CocoAnnotation("fox", (1.0, 2.0, 3.0, 4.0)))}
    for text in (
        "2 categories are skipped, e.g. categories[1] has no name",
        "3 images are skipped, e.g. images[1] has no file_name",
        "1 annotations are skipped, e.g. annotations[4] has no category_id",
        "2 boxes are not four numbers, with an area, and are skipped, e.g. annotations[0]: [1, 2]",
        "1 annotations have a category that `categories` does not list, and are skipped, e.g. the category 5 of 'a'",
        "1 images have annotations but are not listed, e.g. the id 9",
    ):
        assert text in caplog.text


@pytest.mark.parametrize(
    ("of_images", "of_annotations"),
    [(1, 1.0), (1.0, 1), ("1", 1), ("1", 1.0), ("1.0", 1), ("a/1.0", "a/1.0"), (-1, "-1.0")],
)
def test_whole_numbers_are_the_same_however_they_are_written(
    tmp_path: Path, of_images: object, of_annotations: object
) -> None:
    data = {
        "categories": [{"id": of_images, "name": "fox"}],
        "images": [{"id": of_images, "file_name": "a.jpg"}],
        "annotations": [{"image_id": of_annotations, "category_id": of_annotations}],
    }
    ((labels),) = read_coco(write(tmp_path, data)).annotations.values()
    assert labels == (CocoAnnotation("fox"),)


def test_of_two_images_with_one_id_neither_gets_the_annotations(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = {
        "categories": [{"id": 1, "name": "fox"}],
        "images": [{"id": 1, "file_name": name} for name in ("a", "b")] + [{"id": 2, "file_name": "c"}] * 2,
        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 2, "category_id": 1}],
    }
    found = read_coco(write(tmp_path, data))
    assert [image.file for image in found.images.values()] == ["a", "b", "c"]
    assert found.annotations == {"2": (CocoAnnotation("fox"),)}
    assert (
        "1 images have the id of another image; neither of them gets the annotations, e.g. images[1] ('b')"
        in caplog.text
    )


value = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.floats(), max_size=4)
)
keys = [
    "id",
    "file_name",
    "image_id",
    "category_id",
    "bbox",
    "bbox_relative",
    "name",
    "width",
    "height",
    "datetime",
    "seq_id",
]
records = st.lists(st.dictionaries(st.sampled_from(keys), value) | value, max_size=3)


@given(st.fixed_dictionaries({}, optional={"images": records, "annotations": records, "categories": records}))
def test_no_file_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> None:
    for number, one in enumerate(data.get("images", ())):
        if isinstance(one, dict):
            one.update({"id": number, "file_name": "\ud800.jpg"})
    file = write(tmp_path_factory.getbasetemp(), data)
    try:
        found = read_coco(file)
    except FormatError as error:
        assert "set.json" in str(error)
        return
    for key, some in found.annotations.items():
        for one in some:
            box = one.relative_box(found.images[key].size)
            assert box is None or (0 <= box.x < 1 and box.w > 0 and box.x + box.w <= 1 + 1e-9)
    for image in found.images.values():
        image.file.encode("utf-8")
