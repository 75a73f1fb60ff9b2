"""Crops from a detector's file: which box, under which id, and whose paths are whose."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.engine.listing.boxes import assign_boxes
from alframe.errors import BadParams, FormatError, PoolError
from alframe.settings import Boxes
from alframe.types import Box, Item

NAMES = {"1": "animal", "2": "person", "3": "vehicle", "4": "red fox"}


def items(*ids: str, root: str = "/pool") -> list[Item]:
    return [Item(id, Path(root) / id) for id in ids]


def found(folder: Path, **images: Sequence[tuple[str, float] | tuple[str, float, list[float]]] | None) -> str:
    """A file with (category, confidence[, box]) by image; None: failed. Two underscores stand for a slash."""
    return listed(folder, {f"{name.replace('__', '/')}.jpg": rows for name, rows in images.items()})


def listed(folder: Path, images: dict[str, Any]) -> str:
    entries = [
        {
            "file": file,
            "failure": "broken" if rows is None else None,
            "detections": rows
            and [
                {"category": row[0], "conf": row[1], "bbox": row[2] if len(row) > 2 else [0.1, 0.2, row[1], 0.4]}
                for row in rows
            ],
        }
        for file, rows in images.items()
    ]
    for entry, rows in zip(entries, images.values(), strict=True):
        if rows == []:
            entry["detections"] = []
    (folder / "found.json").write_text(json.dumps({"detection_categories": NAMES, "images": entries}), encoding="utf-8")
    return str(folder / "found.json")


def test_without_a_file_the_pool_s_boxes_stay() -> None:
    some = [Item("a.jpg", Path("/a.jpg"), box=Box(0, 0, 0.5, 0.5))]
    assert assign_boxes(some, Boxes()) == some


def test_the_best_box_of_the_category(tmp_path: Path) -> None:
    file = found(tmp_path, a=[("1", 0.3), ("2", 0.99), ("1", 0.8)], b=[("1", 0.1)], c=[("4", 0.5)], d=[], e=None)
    a, b, c, d, e, f = assign_boxes(items("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"), Boxes(file))
    assert (a.id, a.box, dict(a.meta)) == (
        "a.jpg",
        Box(0.1, 0.2, pytest.approx(0.8), pytest.approx(0.4)),
        {"detected": "animal 0.800"},
    )
    assert c.box is not None and c.meta["detected"] == "red fox 0.500"
    assert [one.box for one in (b, d, e, f)] == [None] * 4
    (person,) = assign_boxes(items("a.jpg"), Boxes(file, category="human"))
    assert person.meta["detected"] == "person 0.990"


def test_all_boxes_are_items_of_their_own(tmp_path: Path) -> None:
    file = found(tmp_path, a=[("1", 0.3), ("2", 0.99), ("1", 0.8)], b=[("1", 0.9)], c=[("1", 0.1), ("1", 0.05)])
    some = assign_boxes(items("a.jpg", "b.jpg", "c.jpg"), Boxes(file, use="all"))
    assert [(one.id, one.meta.get("box")) for one in some] == [
        ("a.jpg#1", "1 of 2"),
        ("a.jpg#2", "2 of 2"),
        ("b.jpg", None),
        ("c.jpg", None),
    ]
    assert [one.image_id for one in some] == ["a.jpg", "a.jpg", "b.jpg", "c.jpg"]
    assert [one.box and one.box.w for one in some] == [pytest.approx(0.8), pytest.approx(0.3), pytest.approx(0.9), None]


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 1))
def test_a_box_keeps_its_id_when_the_threshold_changes(
    tmp_path_factory: pytest.TempPathFactory, confidences: list[float], one: float, other: float
) -> None:
    file = found(tmp_path_factory.getbasetemp(), a=[("1", confidence) for confidence in confidences])
    low, high = (
        {item.id: item.box for item in assign_boxes(items("a.jpg"), Boxes(file, "all", threshold=limit, empty="skip"))}
        for limit in sorted((one, other))
    )
    assert high.items() <= low.items()


def test_whole_images_with_the_boxes_noted(tmp_path: Path) -> None:
    file = found(tmp_path, a=[("1", 0.3), ("2", 0.99), ("1", 0.8)], b=[("2", 0.9)])
    a, b = assign_boxes(items("a.jpg", "b.jpg"), Boxes(file, use="image"))
    assert (a.box, a.meta["detected"]) == (None, "animal 0.800, animal 0.300")
    assert (b.box, dict(b.meta)) == (None, {})


@pytest.mark.parametrize("use", ["best", "all", "image"])
def test_images_without_an_animal_can_be_left_out_but_unknown_ones_never_are(
    tmp_path: Path, use: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = found(tmp_path, a=[("1", 0.9)], b=[("2", 0.9)], c=[], d=None)
    with caplog.at_level(logging.WARNING):
        some = assign_boxes(items("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"), Boxes(file, use, empty="skip"))
    assert [one.id for one in some] == ["a.jpg", "d.jpg", "e.jpg"]
    assert "2 of 5 images have no entry" in caplog.text and "(1 failed there, e.g. 'd.jpg': broken)" in caplog.text


def test_boxes_are_cut_to_the_image_and_grow_by_the_margin(tmp_path: Path) -> None:
    file = found(
        tmp_path,
        a=[("1", 0.9, [-0.01, 0.5, 0.21, 0.6])],
        b=[("1", 0.9, [0.4, 0.4, 0.2, 0.1])],
        c=[("1", 0.9, [0.4, 0.4, 0.0, 0.1]), ("1", 0.5, [0.1, 0.1, 0.1, 0.1])],
    )
    a, _, c = assign_boxes(items("a.jpg", "b.jpg", "c.jpg"), Boxes(file))
    assert a.box == Box(0.0, 0.5, pytest.approx(0.2), 0.5)
    assert c.meta["detected"] == "animal 0.500", "a box without a size shows nothing"
    a, b, _ = assign_boxes(items("a.jpg", "b.jpg", "c.jpg"), Boxes(file, margin=0.5))
    assert b.box == Box(*(pytest.approx(side) for side in (0.3, 0.35, 0.4, 0.2)))
    assert a.box == Box(*(pytest.approx(side) for side in (0.0, 0.25, 0.3, 0.75)))


@pytest.mark.parametrize(
    "path",
    [
        "Station A/1.JPG",
        "Station A\\1.JPG",
        "./Station A/1.JPG",
        "station a/1.jpg",
        "{root}/Station A/1.JPG",
        "../pool/Station A/1.JPG",
        "D:\\survey\\2024\\Station A\\1.JPG",
        "/mnt/other/Station A/1.JPG",
        "pool/Station A/1.JPG",
    ],
)
def test_paths_find_their_image(tmp_path: Path, path: str) -> None:
    (tmp_path / "results").mkdir()
    file = listed(tmp_path / "results", {path.format(root=tmp_path / "pool"): [("1", 0.9)]})
    (one, other) = assign_boxes(items("Station A/1.JPG", "1.JPG", root=str(tmp_path / "pool")), Boxes(file))
    assert one.box is not None and other.box is None


def test_a_file_beside_the_images_of_a_subfolder(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    file = listed(tmp_path / "A", {"1.jpg": [("1", 0.9)]})
    assert [one.box is None for one in assign_boxes(items("A/1.jpg", "B/1.jpg", root=str(tmp_path)), Boxes(file))] == [
        False,
        True,
    ]


def test_drives_of_windows_are_compared_without_case(tmp_path: Path) -> None:
    file = listed(tmp_path, {"c:\\data\\A\\1.jpg": [("1", 0.9)]})
    (one,) = assign_boxes([Item("A/1.jpg", Path("C:/data/A/1.jpg"))], Boxes(file))
    assert one.box is not None


def test_names_that_differ_in_case_alone_are_different_images(tmp_path: Path) -> None:
    file = listed(tmp_path, {"a.jpg": [("1", 0.9)], "A.jpg": []})
    assert [one.box is None for one in assign_boxes(items("a.jpg", "A.jpg", "a.JPG"), Boxes(file))] == [
        False,
        True,
        True,
    ]


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    file = found(tmp_path, a=[("1", 0.9)])
    with pytest.raises(
        FormatError,
        match=r"None of the 1 images .* first image there is 'a.jpg', the first image of the pool 'x/b.jpg'",
    ):
        assign_boxes(items("x/b.jpg"), Boxes(file))
    with pytest.raises(
        PoolError, match=r"no detection of the category 'anmal'. Did you mean 'animal'\? It has: animal"
    ):
        assign_boxes(items("a.jpg"), Boxes(file, category="anmal"))
    with pytest.raises(PoolError, match=r"all 1 images failed; the first, 'a.jpg': broken"):
        assign_boxes(items("a.jpg"), Boxes(found(tmp_path, a=None)))
    with pytest.raises(FormatError, match="does not exist"):
        assign_boxes(items("a.jpg"), Boxes(str(tmp_path / "absent.json")))
    for wrong in ({"use": "some"}, {"empty": "drop"}, {"threshold": 2}, {"margin": -1}):
        with pytest.raises(BadParams, match=f"^{next(iter(wrong))}="):
            Boxes(**wrong)


def test_an_empty_file_leaves_all_whole(tmp_path: Path) -> None:
    file = found(tmp_path, a=[])
    assert assign_boxes(items("a.jpg"), Boxes(file)) == items("a.jpg")


def test_the_detector_s_own_threshold_counts_unless_one_is_set(tmp_path: Path) -> None:
    file = Path(listed(tmp_path, {f"{number}.jpg": [("1", number / 100)] for number in (25, 30, 50, 85)}))
    some = items("25.jpg", "30.jpg", "50.jpg", "85.jpg")
    assert [one.box is not None for one in assign_boxes(some, Boxes(str(file)))] == [True] * 4, "0.2 if it has none"
    info = {"detector": "md_v4.1.0.pb", "detector_metadata": {"typical_detection_threshold": 0.8}}
    file.write_text(json.dumps({**json.loads(file.read_text()), "info": info}))
    assert [one.box is not None for one in assign_boxes(some, Boxes(str(file)))] == [False] * 3 + [True]
    assert [one.box is not None for one in assign_boxes(some, Boxes(str(file), threshold=0.3))] == [False] + [True] * 3


def test_persons_and_vehicles_are_no_animals_whatever_the_detector_calls_them(tmp_path: Path) -> None:
    names = ("quokka", "people", "Car", "Human", "trucks", "bicycle", "empty", "person_like_tree", "Persons")
    images = [
        {"file": f"{code}.jpg", "detections": [{"category": str(code), "conf": 0.9, "bbox": [0.1, 0.1, 0.2, 0.2]}]}
        for code in range(1, len(names) + 1)
    ]
    dictionary = {str(code): name for code, name in enumerate(names, start=1)}
    (tmp_path / "found.json").write_text(json.dumps({"detection_categories": dictionary, "images": images}))
    some = items(*(image["file"] for image in images))

    def boxed(category: str) -> set[str]:
        found = assign_boxes(some, Boxes(str(tmp_path / "found.json"), category=category))
        return {names[int(one.id[0]) - 1] for one in found if one.box is not None}

    assert boxed("animal") == {"quokka", "person_like_tree"}
    assert boxed("person") == boxed("human") == {"people", "Human", "Persons"}
    assert boxed("vehicle") == {"Car", "trucks", "bicycle"}
    assert boxed("people") == {"people"}


def test_an_entry_in_another_case_is_not_taken_beside_the_exact_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = listed(tmp_path, {"cam1/IMG_0001.JPG": [("1", 0.9)]})
    some = items("cam1/img_0001.jpg", "cam1/IMG_0001.JPG")
    assert [one.box is not None for one in assign_boxes(some, Boxes(file))] == [False, True]
    assert "1 of 2 images have no entry" in caplog.text and "'cam1/img_0001.jpg'" in caplog.text
    file = listed(tmp_path, {"cam1/IMG_0001.JPG": [("1", 0.9)], "cam1/Img_0001.JPG": [("1", 0.8)], "x.jpg": []})
    assert [one.box is not None for one in assign_boxes(items("cam1/img_0001.jpg", "x.jpg"), Boxes(file))] == [
        False
    ] * 2
    assert "have several that differ in upper and lower case, e.g. cam1/img_0001.jpg" in caplog.text


def test_an_entry_written_in_two_ways_is_one_and_a_failure_does_not_displace_it(tmp_path: Path) -> None:
    entries: dict[str, Any] = {"./a.jpg": [("1", 0.9)], "sub\\..\\a.jpg": [("1", 0.8)], "A.JPG": [("1", 0.7)]}
    for last in ({}, {" a.jpg": None}):
        (one,) = assign_boxes(items("a.jpg"), Boxes(listed(tmp_path, entries | last)))
        assert one.meta["detected"] == "animal 0.800", "the later entry of the image's own name"


def test_a_failure_counts_as_an_entry_when_the_season_is_found(tmp_path: Path) -> None:
    """All of 2024 failed: its images get no boxes of 2023."""
    entries: dict[str, Any] = {"2023/a/1.jpg": [("1", 0.9)], "2024/a/1.jpg": None, "2024/b/1.jpg": []}
    some = assign_boxes(items("a/1.jpg", "b/1.jpg", root="/traps/2024"), Boxes(listed(tmp_path, entries)))
    assert [one.box for one in some] == [None, None]


@pytest.mark.parametrize(
    ("root", "entries", "message"),
    [
        (
            "/x/pool",
            {"2023/a/1.jpg": [], "2024/a/1.jpg": []},
            r"the pool's folder /x/pool replaced '2023/', '2024/', but in",
        ),
        ("/x/2024", {"2023/a/1.jpg": []}, r"the pool's folder /x/2024 replaced '2023/', but that folder looks like"),
        ("/x/2024", {"b/1.jpg": []}, r"The first image there is 'b/1.jpg', the first image of the pool 'a/1.jpg'"),
    ],
)
def test_refusals_say_why_and_the_remedies_work(
    tmp_path: Path, root: str, entries: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        assign_boxes(items("a/1.jpg", root=root), Boxes(listed(tmp_path, entries)))
    entries = {path: [("1", 0.9)] for path in entries}
    file = listed(tmp_path, entries)
    if "b/1.jpg" in entries:
        (tmp_path / "pool").mkdir()
        remedied = items("pool/b/1.jpg", root=str(tmp_path))  # the file lies in the folder that its paths start at
        file = listed(tmp_path / "pool", entries)
    else:
        remedied = items("a/1.jpg", root="/x/2023")  # the folder has the name that it has in the file
    assert [one.box is not None for one in assign_boxes(remedied, Boxes(file))] == [True]
    if "b/1.jpg" not in entries:  # the other entries are deleted, or the beginning of the paths
        for path in ("2024/a/1.jpg", "a/1.jpg"):
            file = listed(tmp_path, {path: [("1", 0.9)]})
            assert assign_boxes(items("a/1.jpg", root=root), Boxes(file))[0].box is not None


def test_entries_of_two_seasons_beside_others_are_named_and_the_remedies_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the folder's name does not decide between them, neither counts; another drive does all the same."""
    of_one_season = {f"D:\\2024\\a\\{name}.jpg": [("1", 0.9)] for name in (1, 2)}
    of_another_drive = {"E:\\2024\\b\\3.jpg": [("1", 0.9)]}
    all_entries = {**of_one_season, "D:\\2023\\a\\1.jpg": [("1", 0.9)], **of_another_drive}

    def have_boxes(root: str, entries: dict[str, Any]) -> list[bool]:
        some = items("a/1.jpg", "a/2.jpg", "b/3.jpg", root=root)
        return [item.box is not None for item in assign_boxes(some, Boxes(listed(tmp_path, entries)))]

    assert have_boxes("/x/pool", all_entries) == [False, False, True]
    assert "3 of the 4 entries" in caplog.text
    assert f"Give the pool's folder {Path('/x/pool')} its name in the file, or delete" in caplog.text
    assert have_boxes("/x/2024", all_entries) == [True, True, True]
    assert have_boxes("/x/pool", {**of_one_season, **of_another_drive}) == [True, True, True]
