"""Detections from the files of every program, by name, with the place of whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import FormatError
from alframe.formats.detections import Detection, read_detections
from alframe.types import Box

BOX = [0.1, 0.2, 0.3, 0.4]
NAMES = {"1": "animal", "2": "person", "3": "vehicle"}


def write(folder: Path, data: object) -> Path:
    (folder / "found.json").write_text(json.dumps(data), encoding="utf-8")
    return folder / "found.json"


def md(*images: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"info": {"format_version": "1.5"}, "detection_categories": NAMES, "images": list(images), **members}


def test_megadetector(tmp_path: Path) -> None:
    seen = {"category": "1", "conf": 0.9, "bbox": BOX, "classifications": [["0", 0.2], ["1", 0.7]]}
    found = read_detections(
        write(
            tmp_path,
            md(
                {"file": "A\\1.jpg", "detections": [seen, {"category": 2, "conf": 1, "bbox": [0, 0, 1, 1]}]},
                {"file": "A/2.jpg", "detections": []},
                {"file": "A/3.jpg", "detections": None, "failure": "Failure image access"},
                {"file": "A/4.jpg"},
                {"file": "A/5.jpg", "failure": "Failure", "detections": []},
                classification_categories={"0": "fox", "1": "hare"},
            ),
        )
    )
    assert dict(found) == {
        "A/1.jpg": (
            Detection("animal", 0.9, Box(*BOX), (("hare", 0.7), ("fox", 0.2))),
            Detection("person", 1.0, Box(0, 0, 1, 1)),
        ),
        "A/2.jpg": (),
    }
    assert found.failures == {
        "A/3.jpg": "Failure image access",
        "A/4.jpg": "it has no detections",
        "A/5.jpg": "Failure",
    }
    assert found.info == {"format_version": "1.5"}


@pytest.mark.parametrize("version", ["1.0", 1.2, "1.6", None])
def test_old_and_new_versions_with_members_in_any_order(tmp_path: Path, version: object) -> None:
    seen = {"category": "7", "conf": 0.5, "bbox": BOX, "classifications": None, "frame_number": 0, "verified": True}
    image = {"file": "1.jpg", "max_detection_conf": 0.5, "detections": [seen], "exif_metadata": {}, "failure": None}
    data = {"images": [image], "detection_categories": {"7": "animal"}, "info": {"format_version": version}, "x": 1}
    assert read_detections(write(tmp_path, data))["1.jpg"] == (Detection("animal", 0.5, Box(*BOX)),)


def test_numbers_mean_what_the_file_says(tmp_path: Path) -> None:
    """PyTorch-Wildlife counts from 0, SpeciesNet says human, old AddaxAI files have species for categories."""
    names = {"0": "animal", "1": "person", "2": "Human", "3": "red fox"}
    rows = [{"category": number, "conf": 0.5, "bbox": BOX} for number in names]
    image = {"file": "1.jpg", "max_detection_conf": "", "detections": rows}
    found = read_detections(write(tmp_path, {"info": {}, "detection_categories": names, "images": [image]}))
    assert [one.category for one in found["1.jpg"]] == ["animal", "person", "person", "red fox"]


def test_an_image_that_is_listed_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A retry of a batch: a failure never displaces detections, and of two detections the later ones count."""
    seen = {"category": "1", "conf": 0.5, "bbox": BOX}
    other = {**seen, "conf": 0.75}
    failed: dict[str, Any] = {"failure": "Failure image access", "detections": None}
    entries: list[dict[str, Any]] = [
        *({"file": "late.jpg", **failed}, {"file": "late.jpg", "detections": [seen]}),
        *({"file": "early.jpg", "detections": [seen]}, {"file": "early.jpg", **failed}),
        *({"file": "empty.jpg", "detections": []}, {"file": "empty.jpg", **failed}),
        *({"file": "same.jpg", "detections": [seen]}, {"file": "same.jpg", "detections": [seen]}),
        *({"file": "a\\two.jpg", "detections": [seen, seen]}, {"file": "a/two.jpg", "detections": [other]}),
        {"file": "never.jpg", **failed},
    ]
    found = read_detections(write(tmp_path, md(*entries)))
    assert {path: [one.confidence for one in rows] for path, rows in found.items()} == {
        "late.jpg": [0.5],
        "early.jpg": [0.5],
        "empty.jpg": [],
        "same.jpg": [0.5],
        "a/two.jpg": [0.75],
    }
    assert found.failures == {"never.jpg": "Failure image access"}
    assert "1 images are listed twice with different detections" in caplog.text and "images[9]" in caplog.text


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"conf": float("nan")}, "conf is nan: must be a number"),
        ({"conf": float("inf")}, "conf is inf"),
        ({"conf": "high"}, "conf is 'high'"),
        ({"conf": -0.5}, "must be from 0 to 1"),
        ({"conf": 87}, "must be from 0 to 1"),
        ({"conf": None}, "conf is None"),
        ({"bbox": [0, 0, 0, 0]}, "has no area"),
        ({"bbox": [0.5, 0.5, -0.1, 0.1]}, "has no area"),
        ({"bbox": [1.2, 0.5, 0.1, 0.1]}, "has no area"),
        ({"bbox": [0.1, 0.1, 0.2, float("nan")]}, "bbox is nan"),
        ({"bbox": [10, 20, 300, 400]}, "must be fractions"),
        ({"bbox": None}, "must be four numbers"),
        ({"category": "0"}, "'0'"),
        ({"category": None}, "'None'"),
    ],
)
def test_a_bad_detection_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: dict[str, Any], reason: str
) -> None:
    seen = {"category": "1", "conf": 0.5, "bbox": BOX}
    entries = (
        {"file": "good.jpg", "detections": [seen]},
        {"file": "both.jpg", "detections": [{**seen, **bad}, seen]},
        {"file": "bad.jpg", "detections": [{**seen, **bad}]},
        {"file": "empty.jpg", "detections": []},
    )
    found = read_detections(write(tmp_path, md(*entries, 7, {"detections": []})))
    assert {path: len(rows) for path, rows in found.items()} == {"good.jpg": 1, "both.jpg": 1, "empty.jpg": 0}
    assert list(found.failures) == ["bad.jpg"], "nobody knows what is in it: it is not an image without animals"
    assert "2 detections " in caplog.text and "'both.jpg'" in caplog.text and reason in caplog.text
    assert "2 entries are skipped, e.g. images[4]" in caplog.text


def test_numbers_may_be_text(tmp_path: Path) -> None:
    image = {"file": "1.jpg", "detections": [{"category": 1.0, "conf": "0.5", "bbox": [str(side) for side in BOX]}]}
    assert read_detections(write(tmp_path, md(image)))["1.jpg"] == (Detection("animal", 0.5, Box(*BOX)),)


@pytest.mark.parametrize(
    ("info", "threshold"),
    [
        ({"detector_metadata": {"typical_detection_threshold": 0.8}}, 0.8),
        ({"detector_metadata": {"typical_detection_threshold": "0.8"}}, 0.8),
        ({"detector_metadata": {"typical_detection_threshold": "high"}}, None),
        ({"detector_metadata": {"typical_detection_threshold": float("nan")}}, None),
        ({"detector_metadata": {"typical_detection_threshold": True}}, None),
        ({"detector_metadata": {"typical_detection_threshold": 80}}, None),
        ({"detector_metadata": []}, None),
        ({}, None),
    ],
)
def test_the_detector_s_own_threshold(tmp_path: Path, info: dict[str, Any], threshold: float | None) -> None:
    assert read_detections(write(tmp_path, {**md({"file": "1.jpg", "detections": []}), "info": info})).threshold == (
        threshold
    )


def test_speciesnet(tmp_path: Path) -> None:
    fox = "uuid;mammalia;carnivora;canidae;vulpes;vulpes;red fox"
    found = read_detections(
        write(
            tmp_path,
            {
                "predictions": [
                    {
                        "filepath": "C:\\set\\1.jpg",
                        "classifications": {"classes": [fox], "scores": [0.8]},
                        "detections": [
                            {"category": "1", "label": "animal", "conf": 0.9, "bbox": BOX},
                            {"category": "2", "label": "human", "conf": 0.3, "bbox": BOX},
                            {"category": "3", "conf": 0.2, "bbox": BOX},
                        ],
                    },
                    {"filepath": "2.jpg", "failures": ["CLASSIFIER"], "detections": []},
                    {"filepath": "3.jpg", "failures": ["DETECTOR", "GEOLOCATION"]},
                ]
            },
        )
    )
    assert dict(found) == {
        "C:/set/1.jpg": (
            Detection("animal", 0.9, Box(*BOX), ((fox, 0.8),)),
            Detection("person", 0.3, Box(*BOX)),
            Detection("vehicle", 0.2, Box(*BOX)),
        ),
        "2.jpg": (),
    }
    assert found.failures == {"3.jpg": "DETECTOR, GEOLOCATION"}


IMAGE = {"file": "1.jpg", "detections": [{"category": "1", "conf": 0.5, "bbox": BOX}]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"images": [IMAGE]}, "'detection_categories' does not say what category '1' is"),
        (md({"detections": []}), r"images\[0\]: there is no path under 'file'"),
        (md({"file": "2.jpg", "detections": {}}), r"images\[0\] \('2.jpg'\).detections is {}: must be a list"),
        (md({"file": "2.jpg", "detections": [{"category": "1", "conf": "", "bbox": BOX}]}), r"\[0\].conf is ''"),
        (
            md({"file": "2.jpg", "detections": [{"category": "1", "conf": 0.5}]}),
            r"\[0\].bbox is None: must be four numbers",
        ),
        (
            md({"file": "2.jpg", "detections": [{"category": "1", "conf": 0.5, "bbox": [9, 9, 50, 50]}]}),
            "must be fractions",
        ),
        ({"images": [{"file_name": "a.jpg", "id": 1}]}, "use pool=coco"),
        ({"annotations": [{"image_id": 1}]}, "use pool=coco"),
        ({"images": [IMAGE], "detection_categories": NAMES, "annotations": [{}]}, "both 'images' and 'annotations'"),
        ({"instances": []}, "lists no image"),
        ([1], r"\[0\] is not an object"),
        (md({"file": "2.jpg", "detections": [{"category": "9", "conf": 1, "bbox": BOX}]}), r"'9' in '2.jpg'"),
        ({"annotations": [{"img_id": "a", "bbox": [BOX], "category": [], "confidence": []}]}, "different lengths"),
        ({"annotations": [{"img_id": "a", "bbox": [], "category": [], "confidence": []}], "categories": None}, None),
    ],
)
def test_errors_name_the_file_and_the_place(tmp_path: Path, data: object, message: str | None) -> None:
    file = write(tmp_path, data)
    if message is None:
        assert read_detections(file)["a"] == ()
        return
    with pytest.raises(FormatError, match=message) as error:
        read_detections(file)
    assert "found.json" in str(error.value)


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["", "1", "animal", 0, -1, 10**400, BOX]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["file", "detections", "category", "conf", "bbox", "failure", "classifications"]), inner
        )
    ),
    max_leaves=10,
)


@given(st.sampled_from(["images", "predictions", "annotations", ""]), st.lists(junk, max_size=3), junk, junk)
def test_no_file_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, key: str, images: list[Any], names: Any, info: Any
) -> None:
    for one in images:
        if isinstance(one, dict):
            one.setdefault(
                {"images": "file", "predictions": "filepath", "annotations": "img_id", "": "file"}[key], "1.jpg"
            )
    data = {"info": info, "detection_categories": names, "categories": names, key: images} if key else images
    file = write(tmp_path_factory.getbasetemp(), data)
    try:
        found = read_detections(file)
    except FormatError as error:
        assert "found.json" in str(error)
    else:
        assert all(isinstance(one, Detection) for some in found.values() for one in some)


def test_real_files(samples: Path) -> None:
    found = read_detections(samples / "megadetector" / "ena24-small-md-1.4.json")
    raw = json.loads((samples / "megadetector" / "ena24-small-md-1.4.json").read_text())
    assert len(found) == len(raw["images"]) == 21
    for image in raw["images"]:
        for one, seen in zip(found[image["file"]], image["detections"], strict=True):
            assert [one.confidence, one.box] == [seen["conf"], Box(*seen["bbox"])]
            assert one.category == raw["detection_categories"][seen["category"]]
            assert {name for name, _ in one.classifications} == {
                raw["classification_categories"][name] for name, _ in seen["classifications"]
            }
    odd = read_detections(samples / "megadetector" / "zamba-megadetector-output-empty-info.json")
    assert (len(odd), len(odd.failures)) == (3, 2)
    assert [
        len(one) for one in read_detections(samples / "speciesnet" / "predictions-full-ensemble.json").values()
    ] == [15, 1]
    only = read_detections(samples / "speciesnet" / "predictions-classifier-only.json")
    assert set(only.failures.values()) == {"the detector did not run"}
    with pytest.raises(FormatError, match="lists no image"):
        read_detections(samples / "speciesnet" / "instances.json")
