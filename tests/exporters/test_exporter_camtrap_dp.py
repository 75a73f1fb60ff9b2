from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alframe.builtins import REGISTRIES
from alframe.errors import BadParams
from alframe.exporters.camtrap_dp.deployments import parse_timezone, read_deployments
from alframe.exporters.camtrap_dp.exporter import CamtrapDp
from alframe.formats.camtrap_dp.standard import TABLE_COLUMNS
from alframe.testing.exporter import ExporterSuite, FakeModel, write_tiny_predictions
from alframe.types import UNSURE, Box, Item, Label, Predictions
from tests.each import check_each

CLASSES = ("fox", "boar", "blank", "person", "unknown")
NAMES = {"fox": "Vulpes vulpes", "boar": "Sus scrofa", "lynx": "Lynx lynx"}
ASKED = datetime(2024, 6, 1, 8, 30, tzinfo=UTC)
HEADER = "deploymentID,locationID,latitude,longitude,deploymentStart,deploymentEnd,cameraHeight,baitUse,featureType"
ROWS = (
    "cam1,L1,1.5,101.25,2024-05-01T00:00:00,2024-06-01T00:00:00,0.5,false,trailGame",
    "cam2a,cam2,2,102,2024-05-01T00:00:00+08:00,2024-05-10T00:00:00+08:00,,,",
    "cam2b,cam2,2,102,2024-05-10T00:00:01,2024-06-01T00:00:00,,,",
    "B/deep,,-3.25,103,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,,,",
)


class TestCamtrapDp(ExporterSuite):
    def make(self) -> CamtrapDp:
        return CamtrapDp(draft=True)

    def predictions(self, folder: Path, count: int = 7, seed: int = 0) -> Predictions:
        return replace(write_tiny_predictions(folder, count, seed), labels=[None] * count)


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle)
        assert tuple(rows.fieldnames or ()) == TABLE_COLUMNS[name]
        return list(rows)


def deployments(folder: Path, *rows: str) -> Path:
    file = folder / "deployments.csv"
    file.write_text("\n".join([HEADER, *(rows or ROWS)]), encoding="utf-8")
    return file


def full(folder: Path, **params: Any) -> dict[str, Any]:
    return {
        "deployments": deployments(folder),
        "timezone": "+08:00",
        "title": "Foxes",
        "contributors": ["Anna", {"title": "Ben", "role": "contact"}],
        "sampling_design": "opportunistic",
        "capture_method": ["activityDetection"],
        "names": NAMES,
        **params,
    }


def some() -> Predictions:
    """Six items of five images: of a camera, of one with two deployments, and of one that only its folder tells."""
    taken = datetime(2024, 5, 5, 23, 59, 50)
    box = {"box": "1 of 2"}
    items = [
        Item("A/1.jpg", Path("A/1.jpg"), camera="cam1", taken=taken, sequence="s1"),
        Item("A/2.png", Path("A/2.png"), camera="cam1", taken=taken + timedelta(seconds=20), sequence="s1"),
        Item("A/3.jpg", Path("A/3.jpg"), camera="cam2", taken=datetime(2024, 5, 20)),
        Item("B/deep/x/4.jpg#1", Path("B/4.jpg"), taken=taken, box=Box(0.1, 0.2, 0.3, 0.4), meta=box),
        Item("B/deep/x/4.jpg#2", Path("B/4.jpg"), taken=taken, box=Box(0.5, 0.5, 0.1, 0.1), meta=box),
        Item("A/größe, 5.JPG", Path("A/5.jpg"), camera="cam2", taken=taken),
    ]
    probs = np.full((6, 5), 0.05, np.float32)
    for row, top in enumerate((0, 0, 3, 1, 2, 2)):
        probs[row, top] = 0.8
    labels: list[Label | None] = [None] * 6
    labels[0] = Label("A/1.jpg", "lynx", "Anna", ASKED)
    labels[1] = Label("A/1.jpg", "lynx", "Anna", ASKED)
    labels[3] = Label("B/deep/x/4.jpg#1", UNSURE, "Ben", ASKED)
    return Predictions(items, probs, CLASSES, labels, round=3)


def export(what: Predictions, folder: Path, **params: Any) -> Path:
    files = CamtrapDp(**params).export(what, FakeModel(), folder)
    assert [file.name for file in files] == ["datapackage.json", "deployments.csv", "media.csv", "observations.csv"]
    return files[0].parent


def only(row: Mapping[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if cell}


def test_people_and_the_model_and_what_stands_where(tmp_path: Path) -> None:
    folder = export(some(), tmp_path, **full(tmp_path))
    assert folder == tmp_path / "camtrap-dp"
    rows = {row["observationID"]: only(row) for row in table(folder, "observations")}
    now = rows["A/3.jpg"].pop("classificationTimestamp")
    assert abs(datetime.fromisoformat(now) - datetime.now(UTC)) < timedelta(minutes=5)
    human = {
        "deploymentID": "cam1",
        "eventID": "s1",
        "eventStart": "2024-05-05T23:59:50+08:00",
        "eventEnd": "2024-05-06T00:00:10+08:00",
        "observationLevel": "media",
        "observationType": "animal",
        "scientificName": "Lynx lynx",
        "classificationMethod": "human",
        "classifiedBy": "Anna",
        "classificationTimestamp": "2024-06-01T08:30:00+00:00",
    }
    assert rows["A/1.jpg"] == {"observationID": "A/1.jpg", "mediaID": "A/1.jpg", **human}
    assert rows["A/2.png"] == {
        "observationID": "A/2.png",
        "mediaID": "A/2.png",
        **human,
        "observationTags": "propagated",
        "observationComments": "Given to A/1.jpg, which is of the same sequence.",
    }
    assert rows["A/3.jpg"] == {
        "observationID": "A/3.jpg",
        "deploymentID": "cam2b",
        "mediaID": "A/3.jpg",
        "eventStart": "2024-05-20T00:00:00+08:00",
        "eventEnd": "2024-05-20T00:00:00+08:00",
        "observationLevel": "media",
        "observationType": "human",
        "classificationMethod": "machine",
        "classifiedBy": "alframe round 3",
        "classificationProbability": "0.8000",
    }
    # The second box has nothing in it; a label that says "unsure" is none.
    assert "B/deep/x/4.jpg#2" not in rows
    boxed = rows["B/deep/x/4.jpg#1"]
    assert boxed["classificationMethod"] == "machine"
    assert boxed["deploymentID"] == "B/deep"
    assert [boxed[f"bbox{side}"] for side in ("X", "Y", "Width", "Height")] == [
        *("0.100000", "0.200000", "0.300000", "0.400000")
    ]
    assert rows["A/größe, 5.JPG"]["observationType"] == "blank"
    assert rows["A/größe, 5.JPG"]["deploymentID"] == "cam2a"
    assert "scientificName" not in rows["A/größe, 5.JPG"]


def test_a_deployment_may_be_called_as_the_last_part_of_a_camera_where_that_is_one_camera_s(tmp_path: Path) -> None:
    def deployments(*cameras: str) -> list[str]:
        known = some()
        items = [replace(item, camera=camera) for item, camera in zip(known.items, cameras, strict=False)]
        draft = export(
            replace(known, items=[*items, *known.items[len(items) :]]), tmp_path, **full(tmp_path, draft=True)
        )
        return [row["deploymentID"] for row in table(draft, "media")][: len(items)]

    assert deployments("valley/cam1", "cam1 of old") == ["cam1", "cam1 of old"]
    assert deployments("valley/cam1", "hill/cam1") == ["valley/cam1", "hill/cam1"], "nobody knows which of them it is"


def test_the_images_once_each(tmp_path: Path) -> None:
    folder = export(some(), tmp_path, **full(tmp_path, media_url="https://example.org/", public=True))
    rows = table(folder, "media")
    assert [row["mediaID"] for row in rows] == ["A/1.jpg", "A/2.png", "A/3.jpg", "B/deep/x/4.jpg", "A/größe, 5.JPG"]
    assert only(rows[1]) == {
        "mediaID": "A/2.png",
        "deploymentID": "cam1",
        "captureMethod": "activityDetection",
        "timestamp": "2024-05-06T00:00:10+08:00",
        "filePath": "https://example.org/A/2.png",
        "filePublic": "true",
        "fileName": "2.png",
        "fileMediatype": "image/png",
    }


def test_the_deployments_and_the_description(tmp_path: Path) -> None:
    licences = [{"name": "CC0-1.0", "scope": "data"}, {"name": "CC-BY-4.0", "scope": "media"}]
    params = full(tmp_path, metadata={"licenses": licences, "project": {"acronym": "FOX"}})
    folder = export(some(), tmp_path, **params)
    rows = table(folder, "deployments")
    assert [row["deploymentID"] for row in rows] == ["cam1", "cam2a", "cam2b", "B/deep"]
    assert rows[0]["deploymentStart"] == "2024-05-01T00:00:00+08:00"
    assert rows[3]["deploymentStart"] == "2024-05-01T00:00:00+00:00"
    about = json.loads((folder / "datapackage.json").read_text("utf-8"))
    assert about["title"] == "Foxes"
    assert about["licenses"] == licences
    assert about["contributors"] == [{"title": "Anna"}, {"title": "Ben", "role": "contact"}]
    assert about["project"] == {
        "title": "Foxes",
        "samplingDesign": "opportunistic",
        "captureMethod": ["activityDetection"],
        "individualAnimals": False,
        "observationLevel": ["media"],
        "acronym": "FOX",
    }
    assert about["spatial"]["coordinates"][0][0] == [101.25, -3.25]
    assert about["temporal"] == {"start": "2024-05-01", "end": "2024-06-01"}
    assert about["taxonomic"] == [{"scientificName": "Lynx lynx"}, {"scientificName": "Sus scrofa"}]


def test_without_the_models_word_images_are_unclassified(tmp_path: Path) -> None:
    rows = table(export(some(), tmp_path, **full(tmp_path, predictions=False)), "observations")
    assert [row["observationType"] for row in rows] == ["animal"] * 2 + ["unclassified"] * 4
    assert [row["classificationMethod"] for row in rows] == ["human"] * 2 + [""] * 4


def test_one_message_says_all_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadParams) as caught:
        CamtrapDp().export(replace(some(), labels=[None] * 6), FakeModel(), tmp_path)
    assert str(caught.value).splitlines() == [
        "Camtrap DP cannot be written yet: it needs facts that the images do not contain.",
        "  - exporter.camtrap_dp.deployments: a CSV file with the columns deploymentID, latitude, longitude, "
        "deploymentStart and deploymentEnd, a row for each camera.",
        "  - exporter.camtrap_dp.timezone: the time zone of the clocks, such as '+08:00' or Africa/Nairobi.",
        "  - exporter.camtrap_dp.names: the scientific names of boar, fox, as in "
        '"exporter.camtrap_dp.names={boar: NAME}"',
        "  - exporter.camtrap_dp.title: the title of the data set.",
        "  - exporter.camtrap_dp.contributors: the names of the people.",
        "  - exporter.camtrap_dp.sampling_design: simpleRandom, systematicRandom, clusteredRandom, experimental, "
        "targeted, opportunistic.",
        "  - exporter.camtrap_dp.capture_method: activityDetection, timeLapse, in brackets.",
        "Provide these, or set exporter.camtrap_dp.draft=true to write a draft without them.",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("cam9,,91,1,2024-05-01T00:00:00,2024-06-01T00:00:00", "row 6: latitude is 91; it must be from -90 to 90"),
        ("cam9,,,1,2024-05-01T00:00:00,2024-06-01T00:00:00", "row 6: latitude must be filled in"),
        ("NA,,1,1,2024-05-01T00:00:00,2024-06-01T00:00:00", "row 6: deploymentID must be filled in; 'NA' means that"),
        ("cam9,,1,1;5,2024-05-01T00:00:00,2024-06-01T00:00:00", "row 6: longitude is '1;5', which is not a number"),
        ("cam9,,1,nan,2024-05-01T00:00:00,2024-06-01T00:00:00", "row 6: longitude must be filled in"),
        ("cam9,,1,1,2024-05-01,2024-06-01T00:00:00", "row 6: deploymentStart is '2024-05-01'; write it like"),
        ("cam9,,1,1,1/5/2024 10:00,2024-06-01T00:00:00", "row 6: deploymentStart is '1/5/2024 10:00'; write it like"),
        ("cam9,,1,1,2024-07-01T00:00:00,2024-06-01T00:00:00", "row 6: deploymentEnd is before deploymentStart"),
        ("cam1,,1,1,2024-05-01T00:00:00,2024-06-01T00:00:00", "row 6: deploymentID 'cam1' is listed twice"),
        ("cam9,,1,1,2024-05-01T00:00:00,2024-06-01T00:00:00,-1", "row 6: cameraHeight is -1; it must be from 0 up"),
        ("cam9,,1,1,2024-05-01T00:00:00,2024-06-01T00:00:00,,yes", "row 6: baitUse is 'yes'; it can be true, false"),
        ("cam9,,1,1,2024-05-01T00:00:00,2024-06-01T00:00:00,,,forest", "row 6: featureType is 'forest'; it can be"),
    ],
)
def test_a_wrong_deployment_is_named_with_its_row(tmp_path: Path, row: str, message: str) -> None:
    params = full(tmp_path) | {"deployments": deployments(tmp_path, *ROWS, row)}
    with pytest.raises(BadParams, match=r"deployments\.csv, ") as caught:
        CamtrapDp(**params).export(some(), FakeModel(), tmp_path)
    assert message in str(caught.value)


STRAYS = (
    (
        lambda item: replace(item, camera="cam7"),
        "belongs to no deployment",
        "rows for the cameras or folders of 2 images",
    ),
    (
        lambda item: replace(item, camera="cam2", taken=datetime(2023, 1, 1)),
        "belongs to no deployment",
        "rows for the cameras or folders of 2 images",
    ),
    (lambda item: replace(item, taken=None), "has no time", "When 2 images (A/1.jpg, A/2.png) were taken"),
    (lambda item: replace(item, id=f"~{item.id}"), "has a path that", "media_url, or other paths"),
    (lambda item: replace(item, id=f"{item.id}..jpg"), "has a path that", "2 images (A/1.jpg..jpg, A/2.png..jpg)"),
)


def strayed(change: Callable[[Item], Item], count: int) -> Predictions:
    predictions = some()
    items = [change(item) if row < count else item for row, item in enumerate(predictions.items)]
    return replace(predictions, items=items)


def test_images_that_cannot_be_told_of(tmp_path: Path) -> None:
    def check(change: Callable[[Item], Item], reason: str, message: str) -> None:
        exporter = CamtrapDp(**full(tmp_path))
        with pytest.raises(BadParams) as caught:
            exporter.export(strayed(change, 2), FakeModel(), tmp_path)
        assert message in str(caught.value)
        with pytest.raises(BadParams) as before:
            exporter.check(strayed(change, 2).items)
        assert message in str(before.value), "the same is said before anything is predicted"

    check_each(STRAYS, check)


def test_one_stray_image_is_not_in_the_way_of_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def check(change: Callable[[Item], Item], reason: str, message: str) -> None:
        caplog.clear()
        what = strayed(change, 1)
        CamtrapDp(**full(tmp_path)).check(what.items)
        folder = export(what, tmp_path, **full(tmp_path))
        assert [row["mediaID"] for row in table(folder, "media")] == [
            *("A/2.png", "A/3.jpg", "B/deep/x/4.jpg", "A/größe, 5.JPG")
        ]
        assert f"left out 1 of 5 images, e.g. {what.items[0].id}, which {reason}" in caplog.text

    check_each(STRAYS, check)


def test_what_is_missing_is_asked_for_before_anything_is_predicted(tmp_path: Path) -> None:
    items = some().items
    CamtrapDp(**full(tmp_path, names=None)).check(items)  # the model says which names are needed
    CamtrapDp(draft=True).check(items)
    for name in ("deployments", "timezone", "title", "contributors", "sampling_design", "capture_method"):
        lacking = {key: value for key, value in full(tmp_path).items() if key != name}
        with pytest.raises(BadParams, match=f"camtrap_dp.{name}"):
            CamtrapDp(**lacking).check(items)


def test_a_draft_says_that_it_is_one_and_goes_when_all_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = export(some(), tmp_path, draft=True)
    assert folder.name == "camtrap-dp-draft"
    assert "is a draft" in caplog.text
    about = json.loads((folder / "datapackage.json").read_text("utf-8"))
    assert about["title"] == "DRAFT: no title yet"
    assert "exporter.camtrap_dp.timezone" in about["description"]
    assert "spatial" not in about
    assert [row["deploymentID"] for row in table(folder, "deployments")] == ["cam1", "cam2", "B/deep/x"]
    assert {row["latitude"] for row in table(folder, "deployments")} == {""}
    assert table(folder, "media")[0]["timestamp"] == "2024-05-05T23:59:50"
    assert table(folder, "observations")[0]["scientificName"] == ""
    export(some(), tmp_path, **full(tmp_path, draft=True))
    assert not folder.exists()


def test_settings_that_the_standard_does_not_know() -> None:
    for params, message in (
        ({"sampling_design": "random"}, "sampling_design is 'random'; it can be simpleRandom"),
        ({"capture_method": ["timelapse"]}, "capture_method is 'timelapse'; it can be activityDetection, timeLapse"),
        ({"contributors": [{"title": "A", "role": "boss"}]}, "role is 'boss'"),
        ({"contributors": [{"role": "contact"}]}, "without a title"),
        ({"metadata": {"licenses": [{"scope": "data"}]}}, "two entries"),
        ({"timezone": "Nairobi"}, "timezone is 'Nairobi'; write it as"),
        ({"timezone": 600}, "in quotes"),
    ):
        with pytest.raises(BadParams, match=message):
            CamtrapDp(**params)
    assert parse_timezone("-03:30") is not None
    assert parse_timezone("Z") is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.lists(st.text(max_size=12), max_size=10), max_size=5))
def test_no_table_of_deployments_ends_in_a_traceback(tmp_path: Path, cells: Sequence[Sequence[str]]) -> None:
    file = tmp_path / "deployments.csv"
    with file.open("w", newline="", encoding="utf-8", errors="replace") as handle:
        csv.writer(handle).writerows([HEADER.split(","), *cells])
    found = read_deployments(file, parse_timezone("+01:00"))
    assert found.rows or found.problems


def test_valid_by_the_standards_own_schemas(tmp_path: Path, samples: Path) -> None:
    frictionless = pytest.importorskip("frictionless")
    folder = export(some(), tmp_path, **full(tmp_path))
    about = json.loads((folder / "datapackage.json").read_text("utf-8"))
    profile = json.loads((samples / "camtrap-dp" / "camtrap-dp-profile.json").read_text("utf-8"))
    jsonschema = pytest.importorskip("jsonschema")
    check, _ = profile["allOf"][1], profile["allOf"][0]  # the first is on the net, and frictionless knows it
    check["properties"]["spatial"].pop("$ref")
    schemas = {"$defs": profile["$defs"], **check}
    jsonschema.Draft4Validator(schemas).validate(about)
    for resource in about["resources"]:
        assert resource["schema"].startswith("https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/")
        resource["schema"] = json.loads(
            (samples / "camtrap-dp" / resource["schema"].rpartition("/")[2]).read_text("utf-8")
        )
    del about["profile"]
    report = frictionless.Package(about, basepath=str(folder)).validate()
    assert report.valid, report.flatten(["resourceName", "rowNumber", "fieldName", "message"])
    assert [task.stats["rows"] for task in report.tasks] == [4, 5, 5]
    # The columns alone, for machines without the samples, are as the schemas have them.
    for resource in about["resources"]:
        assert tuple(one["name"] for one in resource["schema"]["fields"]) == TABLE_COLUMNS[resource["name"]]


def test_a_pool_reads_it_back(tmp_path: Path) -> None:
    folder = export(some(), tmp_path, **full(tmp_path))
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "1.jpg").touch()
    pool = {"name": "camtrap_dp", "folder": str(folder), "root": str(tmp_path)}
    before = {item.id.partition("#")[0]: item for item in some().items}
    people = {item.id: item for item in REGISTRIES["pool"].build(pool).items()}
    assert {image: item.label for image, item in people.items() if item.label} == dict.fromkeys(
        ("A/1.jpg", "A/2.png"), "Lynx lynx"
    )
    assert {image: (item.taken, item.sequence) for image, item in people.items()} == {
        image: (item.taken, item.sequence) for image, item in before.items()
    }
    model = {item.id: item.label for item in REGISTRIES["pool"].build(pool | {"machine": True}).items()}
    assert (model["B/deep/x/4.jpg"], model["A/größe, 5.JPG"]) == ("Sus scrofa", "blank")


def test_images_taken_outside_their_deployment_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    facts = full(tmp_path)
    export(some(), tmp_path, **facts)
    assert "during their deployment" not in caplog.text
    deployments(tmp_path, ROWS[0].replace("2024-06-01", "2024-05-03"), *ROWS[1:])
    export(some(), tmp_path, **facts)
    assert "2 images were not taken during their deployment, e.g. A/1.jpg at 2024-05-05 23:59:50+08:00" in caplog.text
