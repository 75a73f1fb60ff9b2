"""COCO data sets as they are in the wild: labels that agree or not, places, bursts, boxes, splits."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alframe.errors import BadParams, PoolError
from alframe.pools.coco import Coco
from alframe.testing.pool import PoolSuite
from alframe.types import Box, Item

CATEGORIES = [{"id": 0, "name": "empty"}, {"id": 1, "name": "red_fox"}, {"id": 2, "name": "hare"}]


def write(folder: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a").mkdir(exist_ok=True)
    (folder / "a" / "1.jpg").touch()
    data = {"annotations": annotations, "images": images, "categories": CATEGORIES, "info": {"version": "1"}}
    (folder / "set.json").write_text(json.dumps(data), encoding="utf-8")
    return folder / "set.json"


def read(folder: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]], **params: Any) -> list[Item]:
    return list(Coco(write(folder, images, annotations), **params).items())


def image(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": f"a/{number}.jpg", **more}


def seen(number: int, category: int, **more: Any) -> dict[str, Any]:
    return {"id": f"{number}-{category}", "image_id": number, "category_id": category, **more}


class TestCocoSuite(PoolSuite):
    def make(self, folder: Path) -> Coco:
        return Coco(folder / "set.json", test_locations=["7"], boxes=True)

    def fill_folder(self, folder: Path) -> None:
        images = [
            image(1, location=7, width=10, height=10),
            image(2, location="x", seq_id="s", datetime="2024-05-31 06:00:00"),
        ]
        write(folder, images, [seen(1, 1, bbox=[1, 1, 20, 4]), seen(2, 0)])
        (folder / "a" / "2.jpg").touch()


def test_camera_traps(tmp_path: Path) -> None:
    (one,) = read(
        tmp_path,
        [image(1, location=33, seq_id="s1", frame_num=1, datetime="2024-05-31 06:12:14", width=200, height=100)],
        [seen(1, 1, bbox=[20, 20, 60, 40], count=1)],
        test_locations=[33],
        boxes=True,
    )
    assert one == Item(
        id="a/1.jpg",
        path=tmp_path / "a" / "1.jpg",
        label="red_fox",
        split="test",
        camera="33",
        taken=datetime(2024, 5, 31, 6, 12, 14),
        sequence="s1",
        box=Box(0.1, 0.2, pytest.approx(0.3), pytest.approx(0.4)),
    )


def test_date_captured_and_times_that_are_none(tmp_path: Path) -> None:
    images = [image(1, date_captured="2011-05-13 23:43:18"), image(2, datetime="unknown", date_captured=None), image(3)]
    assert [one.taken for one in read(tmp_path, images, [])] == [datetime(2011, 5, 13, 23, 43, 18), None, None]


def test_times_with_am_and_pm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts = [
        "2015-10-23 04:05:00 PM",
        "2015-10-23 12:05:00 AM",
        "2015:10:23 04:05:30 p.m.",
        "2015-10-23 4:06 PM",
        "dusk",
    ]
    found = read(tmp_path, [image(number, datetime=text) for number, text in enumerate(texts, start=1)], [])
    assert [one.taken for one in found] == [
        *(datetime(2015, 10, 23, 16, 5), datetime(2015, 10, 23, 0, 5)),
        *(datetime(2015, 10, 23, 16, 5, 30), datetime(2015, 10, 23, 16, 6), None),
    ]
    assert "1 times are unknown: 'dusk' (images[4]" in caplog.text


def test_several_annotations(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = [image(n) for n in (1, 2, 3)]
    annotations = [seen(1, 1), seen(1, 1), seen(2, 2), seen(2, 1)]
    with caplog.at_level(logging.WARNING):
        found = read(tmp_path, images, annotations)
    assert [(one.id, one.label) for one in found] == [("a/1.jpg", "red_fox"), ("a/3.jpg", None)]
    assert "1 images left out, because they have several classes" in caplog.text
    assert [one.label for one in read(tmp_path, images, annotations, several="first")] == ["red_fox", "hare", None]
    assert [one.label for one in read(tmp_path, images, annotations, labels=False)] == [None] * 3


def test_what_holds_for_the_sequence_only_is_used_on_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images, annotations = [image(1), image(2)], [seen(1, 1, sequence_level_annotation=True), seen(2, 2)]
    assert [one.label for one in read(tmp_path, images, annotations)] == [None, "hare"]
    assert "1 images that have labels of their sequence only" in caplog.text
    assert [one.label for one in read(tmp_path, images, annotations, sequence_level=True)] == ["red_fox", "hare"]


def test_corrupt_images_and_strays_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = read(tmp_path, [image(1), image(2, corrupt=True)], [seen(9, 1), seen(9, 2)])
    assert [one.id for one in found] == ["a/1.jpg"]
    assert "1 images left out, because they are marked as corrupt" in caplog.text
    assert "1 images have annotations but are not listed, e.g. the id 9" in caplog.text


def test_boxes(tmp_path: Path) -> None:
    images = [image(1, width=100, height=100), image(2), image(3, width=100, height=100)]
    annotations = [
        *(seen(1, 1, bbox=[0, 0, 10, 10]), seen(1, 1, bbox=[50, 50, 80, 20]), seen(2, 1, bbox=[0, 0, 10, 10])),
        seen(3, 1, bbox_relative=[0.1, 0.2, 0.3, 0.4], bbox=[1, 2, 3, 4]),
    ]
    found = read(tmp_path, images, annotations, boxes=True)
    assert found[0].box == Box(0.5, 0.5, 0.5, pytest.approx(0.2)), "the largest, cut to the image"
    assert found[1].box is None, "in pixels, of an image of unknown size"
    assert found[2].box == Box(0.1, 0.2, pytest.approx(0.3), pytest.approx(0.4))
    assert all(one.box is None for one in read(tmp_path, images, annotations))


def test_a_split_file_keeps_locations_for_evaluation(tmp_path: Path) -> None:
    images = [image(1, location=1), image(2, location="2"), image(3, location="3"), image(4)]
    split = tmp_path / "split.json"
    split.write_text('{"info": {}, "splits": {"train": [1], "val": [2], "test": ["3", 8]}}')
    splits = [one.split for one in read(tmp_path, images, [], split_file=split, test_locations=["1"])]
    assert splits == ["test", "test", "pool", "pool"]
    assert [one.split for one in read(tmp_path, images, [], split_file=split, test_split="test")][2] == "test"
    with pytest.raises(
        PoolError, match=r"no list of locations for 'tset'; it has train, val, test. Set pool.test_split"
    ):
        read(tmp_path, images, [], split_file=split, test_split="tset")
    with pytest.raises(PoolError, match=r"no location 'site2'"):
        read(tmp_path, images, [], test_locations=["site2"])


def test_locations_are_joined_whatever_kind_of_number_they_are_and_those_without_images_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = [image(1, location=1.0), image(2, location="2")]
    split = tmp_path / "split.json"
    split.write_text('{"splits": {"val": [1, 7], "test": [8, 9]}}')
    assert [one.split for one in read(tmp_path, images, [], split_file=split)] == ["test", "pool"]
    assert "set.json has no images of 1 of the 2 locations" in caplog.text and "e.g. '7'" in caplog.text
    assert [one.split for one in read(tmp_path, images, [], test_locations=[1, 2.0])] == ["test", "test"]
    with pytest.raises(PoolError, match=r"has none of the 2 locations .* for 'test', e.g. '8'. Set pool.test_split"):
        read(tmp_path, images, [], split_file=split, test_split="test")


def test_paths_of_windows_and_another_root(tmp_path: Path) -> None:
    (tmp_path / "else" / "b").mkdir(parents=True)
    (tmp_path / "else" / "b" / "2.jpg").touch()
    (one,) = read(tmp_path, [{"id": 1, "file_name": "b\\2.jpg"}], [], root=tmp_path / "else")
    assert (one.id, one.path) == ("b/2.jpg", tmp_path / "else" / "b" / "2.jpg")


def test_errors_name_the_place_and_the_remedy(tmp_path: Path) -> None:
    for images, message in (
        ([{**image(2), "file_name": "."}], r"images\[0\]: '.' is a folder"),
        ([image(8), image(9)], r"None of the 2 images .* The first would be .*8.jpg. Set pool.root"),
        ([image(1, corrupt=True)], r"no image that can be used: 1 are marked as corrupt"),
    ):
        with pytest.raises(PoolError, match=message):
            read(tmp_path, images, [])
    with pytest.raises(BadParams, match="several=last: must be one of skip, first"):
        Coco("set.json", several="last")


def test_a_real_file(samples: Path, tmp_path: Path) -> None:
    sample = samples / "coco" / "ena24-small-coco.json"
    (tmp_path / "596.jpg").touch()
    found = list(Coco(sample, root=tmp_path, boxes=True).items())
    assert len(found) == 21 and len({one.label for one in found}) == 7
    assert found[3].id == "596.jpg" and found[3].label == "Eastern Fox Squirrel"
