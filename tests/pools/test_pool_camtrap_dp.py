"""Camtrap DP packages: deployments as cameras, events as sequences, observations as labels."""

from __future__ import annotations

import gzip
import json
import logging
import shutil
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import AlframeError, BadParams, FormatError, PoolError
from alframe.pools.camtrap_dp import CamtrapDp
from alframe.testing.pool import PoolSuite
from alframe.types import Box, Item

DEPLOYMENTS = "deploymentID,locationID\nd1,hill\nd2,\n"
MEDIA = "mediaID,deploymentID,timestamp,filePath,fileMediatype\n"
OBSERVATIONS = (
    "deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
    "classificationMethod,bboxX,bboxY,bboxWidth,bboxHeight\n"
)


def write(folder: Path, media: str, observations: str = "", deployments: str = DEPLOYMENTS) -> Path:
    (folder / "a").mkdir(parents=True, exist_ok=True)
    (folder / "a" / "1.jpg").touch()
    tables = {"deployments": deployments, "media": MEDIA + media, "observations": OBSERVATIONS + observations}
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, media: str, observations: str = "", **params: Any) -> list[Item]:
    return list(CamtrapDp(write(folder, media, observations), **params).items())


class TestCamtrapDpSuite(PoolSuite):
    def make(self, folder: Path) -> CamtrapDp:
        return CamtrapDp(folder, boxes=True)

    def fill_folder(self, folder: Path) -> None:
        media = "m1,d1,2024-05-31T06:00:00Z,a/1.jpg,image/jpeg\nm2,d2,2024-05-31T06:00:09+02:00,a/2.jpg,image/jpeg\n"
        write(folder, media, "d1,m1,e1,,,media,animal,Vulpes vulpes,human,0.5,0.5,0.5,0.5\n")
        (folder / "a" / "2.jpg").touch()


ONE = "m1,d1,2020-05-30T04:57:37+02:00,a/1.jpg,image/jpeg\n"


def test_all_that_is_known(tmp_path: Path) -> None:
    (one,) = read(tmp_path, ONE, "d1,m1,e1,,,media,animal,Vulpes vulpes,human,0.1,0.2,0.3,0.4\n", boxes=True)
    assert one == Item(
        id="a/1.jpg",
        path=tmp_path / "a" / "1.jpg",
        label="Vulpes vulpes",
        camera="hill",
        taken=datetime(2020, 5, 30, 4, 57, 37),
        sequence="e1",
        box=Box(0.1, 0.2, 0.3, 0.4),
    )
    assert read(tmp_path, ONE, camera_column="deploymentID")[0].camera == "d1"
    assert read(tmp_path, ONE.replace("d1", "d2"))[0].camera == "d2"


@pytest.mark.parametrize(
    ("kind", "name", "label"),
    [
        ("animal", "Vulpes vulpes", "Vulpes vulpes"),
        ("animal", "NA", None),
        ("human", "Homo sapiens", "Homo sapiens"),
        ("human", "", "human"),
        ("vehicle", "", "vehicle"),
        ("blank", "", "blank"),
        ("unknown", "", None),
        ("unclassified", "Vulpes vulpes", None),
    ],
)
def test_what_an_observation_says(tmp_path: Path, kind: str, name: str, label: str | None) -> None:
    assert read(tmp_path, ONE, f"d1,m1,e1,,,media,{kind},{name},human,,,,\n")[0].label == label


def test_programs_are_believed_on_request_only(tmp_path: Path) -> None:
    rows = "d1,m1,e1,,,media,animal,Vulpes vulpes,machine,,,,\n"
    assert [read(tmp_path, ONE, rows, machine=machine)[0].label for machine in (False, True)] == [None, "Vulpes vulpes"]
    assert read(tmp_path, ONE, rows.replace("machine", ""))[0].label == "Vulpes vulpes"
    both = rows + rows.replace("machine", "human").replace("Vulpes vulpes", "Lynx lynx")
    assert read(tmp_path, ONE, both)[0].label == "Lynx lynx"
    assert read(tmp_path, ONE, both, machine=True, several="first")[0].label == "Vulpes vulpes"


def test_events_hold_for_the_media_of_their_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Times are compared as moments: an event in UTC holds for a picture in the camera's zone."""
    media = "".join(f"m{n},d1,2020-05-30T04:57:{n:02}+02:00,a/{n}.jpg,image/jpeg\n" for n in (1, 20, 40))
    events = (
        "d1,,long,2020-05-30T02:57:00Z,2020-05-30T02:57:30Z,event,animal,Vulpes vulpes,human,,,,\n"
        "d2,,other,2020-05-30T02:00:00Z,2020-05-30T03:00:00Z,event,animal,Lynx lynx,human,,,,\n"
        "d1,,short,2020-05-30T02:57:02Z,2020-05-30T02:57:03Z,event,blank,,human,,,,\n"
    )
    with caplog.at_level(logging.WARNING):
        found = read(tmp_path, media, events)
    assert [(one.sequence, one.label) for one in found] == [("long", None), ("long", None), (None, None)]
    assert "2 images that have labels of their event only" in caplog.text
    assert [one.label for one in read(tmp_path, media, events, sequence_level=True)] == ["Vulpes vulpes"] * 2 + [None]
    own = events + "d1,m1,e1,,,media,blank,,human,,,,\n"
    assert read(tmp_path, media, own, sequence_level=True)[0].label == "blank", (
        "what is said of the image itself counts"
    )


def test_what_is_no_image_here_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = ONE + "m2,d1,,clip.mp4,video/mp4\nm3,d1,,https://example.org/3.jpg,image/jpeg\nm4,d1,,a/4.jpg,\n"
    with caplog.at_level(logging.WARNING):
        assert [one.id for one in read(tmp_path, media)] == ["a/1.jpg", "a/4.jpg"]
    assert "1 images left out, because they are not images" in caplog.text
    assert (
        "1 images left out, because they are on the web, and no file below pool.root has their name and folder"
        in caplog.text
    )
    with pytest.raises(PoolError, match=r"no image that can be used: 1 are on the web, .*download them"):
        read(tmp_path, "m3,d1,,https://example.org/3.jpg,image/jpeg\n")


def test_packed_tables_names_of_the_package_and_its_description(tmp_path: Path) -> None:
    write(tmp_path, ONE, "d1,m1,e1,,,media,animal,Vulpes vulpes,human,,,,\n")
    for name in ("media", "observations"):
        plain = tmp_path / f"{name}.csv"
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    description = {"taxonomic": [{"scientificName": "Vulpes vulpes", "vernacularNames": {"eng": "red fox"}}, 7]}
    (tmp_path / "datapackage.json").write_text(json.dumps(description))
    (one,) = CamtrapDp(tmp_path / "datapackage.json", names="eng").items()
    assert one.label == "red fox"
    (tmp_path / "media.csv.gz").write_bytes(b"\x1f\x8b cut")
    with pytest.raises(FormatError, match=r"media.csv.gz cannot be read"):
        list(CamtrapDp(tmp_path).items())
    (tmp_path / "datapackage.json").write_text(
        '{"resources": [{"name": "media", "path": "https://example.org/m.csv"}]}'
    )
    with pytest.raises(FormatError, match=r"table media is at https.*Download"):
        list(CamtrapDp(tmp_path).items())


def test_errors_name_file_row_and_remedy(tmp_path: Path) -> None:
    for media, error, message in (
        ("m2,d1,,,\n", PoolError, r"media.csv, row 2: the path is blank"),
        ("", PoolError, "lists no image"),
        (ONE.replace("a/1", "a/9"), PoolError, r"None of the 1 images .*9.jpg. Set pool.root"),
    ):
        with pytest.raises(error, match=message):
            read(tmp_path, media)
    write(tmp_path, ONE, deployments="id\nd1\n")
    with pytest.raises(FormatError, match=r"deployments.csv must have the column deploymentID once. It has: id."):
        list(CamtrapDp(tmp_path).items())
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "media.csv").unlink()
    with pytest.raises(FormatError, match=r"(deployments|media).csv"):
        list(CamtrapDp(tmp_path).items())
    with pytest.raises(BadParams, match="must be one of skip, first"):
        CamtrapDp(tmp_path, several="both")


def test_a_bad_row_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = ONE + ONE + 'm2,d1,,,\nm3,d1,,a/3.jpg,,x\nm6,d1,,"a/6.jpg,\nm4,d1,,a/4.jpg,\n'
    observations = (
        "d1,m1,e1,,,media,animal,Vulpes vulpes,human,2,0.2,0.3,0.4\nd1,m9,e1,,,media,animal,Lynx lynx,human,,,,\n"
        "d1,m4,e1,,,media,animal,Lynx lynx,human,,,,,,x\n"
    )
    assert [(one.id, one.label, one.box) for one in read(tmp_path, media, observations, boxes=True)] == [
        ("a/1.jpg", "Vulpes vulpes", None),
        ("a/4.jpg", None, None),
    ]
    for text in (
        "3 rows cannot be read, and are skipped, e.g. media.csv, row 5, which has more cells than the first line has",
        "1 images left out, because they cannot be used, e.g. ",
        "1 images that are listed again; their labels count together, e.g. a/1.jpg in media.csv, row 2, media.csv, row",
        "1 observations are of a mediaID that media.csv does not list, and are not used, e.g. observations.csv, row 3:",
        "1 boxes are not fractions of the image, and are not used, e.g. observations.csv, row 2",
        "1 of 2 images do not exist below",
    ):
        assert text in caplog.text


cell = st.sampled_from(
    ["", "m1", "d1", "e1", "2024-05-31T06:00:00Z", "event", "media", "animal", "x/1.jpg", '"', "NaN", "1", "\n"]
)


@given(
    st.lists(st.lists(cell, max_size=14), max_size=4), st.lists(st.lists(cell, max_size=6), max_size=4), st.booleans()
)
def test_no_table_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, observations: list[list[str]], media: list[list[str]], level: bool
) -> None:
    folder = tmp_path_factory.getbasetemp() / "package"
    texts = ["".join(",".join(row) + "\n" for row in rows) for rows in (media, observations)]
    write(folder, *texts)
    try:
        found = list(CamtrapDp(folder, sequence_level=level, boxes=True).items())
    except AlframeError as error:
        assert "package" in str(error)
    else:
        assert all(one.id for one in found)


def test_real_packages(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "small_cat.jpg").touch()
    found = list(CamtrapDp(samples / "camtrap-dp" / "zamba-small", root=tmp_path, boxes=True).items())
    assert [(one.id, one.label, one.camera, one.sequence) for one in found] == [
        ("small_cat.jpg", "Felis catus", "loc1", "evt1"),
        ("wild_dog_jackal.jpg", "Canis aureus", "loc1", "evt2"),
        ("chimpanzee_bonobo.jpeg", "Pan", "loc2", "evt3"),
    ]
    assert found[0].box == Box(0.1, 0.2, 0.3, 0.4)


def test_the_standard_s_own_example_with_its_files_downloaded(samples: Path, tmp_path: Path) -> None:
    shutil.copytree(samples / "camtrap-dp" / "tdwg-example", tmp_path / "package")
    table = tmp_path / "package" / "media.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    local = [
        ",".join(f"media/{n}.jpg" if cell.startswith("https:") else cell for cell in line.split(","))
        for n, line in enumerate(lines)
    ]
    table.write_text("\n".join(local) + "\n", encoding="utf-8")
    (tmp_path / "package" / "media").mkdir()
    (tmp_path / "package" / "media" / "1.jpg").touch()
    assert len(list(CamtrapDp(tmp_path / "package").items())) == 383, "40 images show two things"
    found = list(CamtrapDp(tmp_path / "package", names="eng", several="first").items())
    counts = Counter(one.label for one in found)
    assert len(found) == 423 and len({one.camera for one in found}) == 4
    assert {"mallard", "blank"} <= set(counts) and all(one.taken for one in found)
    assert sum(one.sequence is not None for one in found) == 423
