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
        (
            {"images": [{"id": 1, "file_name": "a"}, {"id": "1", "file_name": "b"}]},
            r"images\[1\] has the id 1 of images\[0\]",
        ),
        ({"images": ["a"]}, r"images\[0\] is 'a': must be an object"),
        (
            {"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "category_id": 5}]},
            "`categories` has no id 5, which an annotation of image 1 has",
        ),
        (
            {
                "images": [{"id": 1, "file_name": "a"}],
                "annotations": [{"image_id": 1, "category_id": 5, "bbox": [1, 2]}],
            },
            r"annotations\[0\]: its box is \[1, 2\]: must be four numbers",
        ),
    ],
)
def test_errors_name_the_place(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(FormatError, match=message) as error:
        read_coco(write(tmp_path, data))
    assert "set.json" in str(error.value)


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
