"""Camtrap DP packages as programs and spreadsheets write them: other words, times, encodings and names of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.pools.camtrap_dp import CamtrapDp
from alframe.types import Item

DEPLOYMENTS = "deploymentID,locationID,deploymentStart\nd1,hill,2024-05-01T00:00:00+02:00\nd2,lake,\n"
MEDIA = "mediaID,deploymentID,captureMethod,timestamp,filePath,fileName,fileMediatype\n"
OBSERVATIONS = (
    "deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
    "classificationMethod\n"
)
FIRST, LAST = "2024-05-22T10:00:00+02:00", "2024-05-22T10:00:05+02:00"
EVENT = f"d1,,e1,{FIRST},{LAST},event,animal,Vulpes vulpes,human\n"


def photo(number: int, **cells: str) -> str:
    own = {
        "capture": "activityDetection",
        "time": f"2024-05-22T10:00:0{number}+02:00",
        "name": "",
        "type": "image/jpeg",
    }
    own |= {"path": f"a/{number}.jpg", "deployment": "d1", "id": f"m{number}"} | cells
    return ",".join(own[key] for key in ("id", "deployment", "capture", "time", "path", "name", "type")) + "\n"


PHOTOS = photo(0) + photo(1)


def read(folder: Path, media: str = PHOTOS, observations: str = EVENT, encoding: str = "utf-8") -> list[Item]:
    for name in ("0.jpg", "1.jpg"):
        (folder / "a").mkdir(parents=True, exist_ok=True)
        (folder / "a" / name).touch()
    tables = {"deployments": DEPLOYMENTS, "media": MEDIA + media, "observations": OBSERVATIONS + observations}
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding=encoding)
    return list(CamtrapDp(folder, sequence_level=True).items())


def labels(items: list[Item]) -> list[str | None]:
    return [item.label for item in items]


@pytest.mark.parametrize("word", ["timeLapse", "timelapse", "Time-Lapse", "time lapse"])
def test_time_lapse_is_known_in_any_spelling(tmp_path: Path, word: str) -> None:
    assert labels(read(tmp_path, photo(0) + photo(1, capture=word))) == ["Vulpes vulpes", None]


@pytest.mark.parametrize(
    ("observation", "label", "warning"),
    [
        ("d1,m0,,,,Media,Animal,Vulpes vulpes,Human\n", "Vulpes vulpes", ""),
        ("d1,m0,,,,media,BLANK,,human\n", "blank", ""),
        ("d1,m0,,,,media,animal,Vulpes vulpes,Machine\n", None, ""),
        ("d1,m0,,,,media,beast,Vulpes vulpes,human\n", None, "1 observations have an observationType that"),
        ("d1,,,,,media,animal,Vulpes vulpes,human\n", None, "1 observations name no medium and are not of an event"),
        (EVENT.replace("event", "Event"), "Vulpes vulpes", ""),
    ],
)
def test_words_count_in_any_case_and_unknown_ones_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, observation: str, label: str | None, warning: str
) -> None:
    assert read(tmp_path, observations=observation)[0].label == label
    assert warning in caplog.text and bool(warning) == ("observations" in caplog.text)


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("22/05/2024 10:00:00", "22/05/2024 10:00:05", True),
        ("2024-05-22 10:00:00 AM", "2024-05-22 10:00:05 AM", True),
        (FIRST, "", False),
        ("2024-05-22", "2024-05-23", True),
    ],
)
def test_times_of_events_in_other_forms(tmp_path: Path, first: str, last: str, found: bool) -> None:
    media = photo(0, time="22/05/2024 10:00:00") + photo(1, time="22/05/2024 10:00:03")
    assert (read(tmp_path, media, EVENT.replace(FIRST, first).replace(LAST, last))[1].label is not None) == found


def test_an_event_without_times_is_of_the_images_that_name_it(tmp_path: Path) -> None:
    names_it = "d1,m1,e1,,,media,unclassified,,human\n"
    assert labels(read(tmp_path, observations="d1,,e1,,,event,animal,Lynx lynx,human\n" + names_it)) == [
        None,
        "Lynx lynx",
    ]


def test_ids_are_numbers_or_text_and_belong_to_one_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = photo(0, id="1.0", deployment="d1") + photo(1, id="2") + photo(2, id="2")
    own = "".join(f"d1,{number},,,,media,animal,Lynx lynx,human\n" for number in (1, 2))
    assert labels(read(tmp_path, media, own)) == ["Lynx lynx", None, None]
    assert "1 values of mediaID belong to several files" in caplog.text
    assert "1 observations are of a mediaID that several media have, and are not used" in caplog.text


@pytest.mark.parametrize(
    ("kind", "path", "is_image"),
    [
        *((kind, "a/0.jpg", True) for kind in ("IMAGE/JPEG", "jpg", "image", "application/octet-stream", "")),
        *((kind, "a/0.mp4", False) for kind in ("", "application/octet-stream", "Video/mp4")),
    ],
)
def test_images_are_known_by_type_or_suffix(tmp_path: Path, kind: str, path: str, is_image: bool) -> None:
    named = photo(0, type="", name="Site 1. north")
    assert [item.id for item in read(tmp_path, named, "")] == ["a/0.jpg"]
    assert [item.id for item in read(tmp_path, photo(0, type=kind, path=path) + photo(1))][:-1] == [
        "a/0.jpg"
    ] * is_image


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"path": "a/", "name": "0.jpg"}, "a/0.jpg"),
        ({"path": "", "name": "a/0.jpg"}, "a/0.jpg"),
        ({"path": "https://x/1", "name": "b\\ü.JPG"}, "b/u\u0308.jpg"),
        ({"path": "https://x/1", "name": "same.jpg"}, "b/hill/same.jpg"),
        ({"path": "https://x/1", "name": "lake/same.jpg"}, "b/lake/same.jpg"),
        ({"path": "https://x/1", "name": "gone.jpg", "id": "0f-3A"}, "b/0F-3a.jpg"),
    ],
)
def test_files_of_media_on_the_web(tmp_path: Path, cells: dict[str, str], found: str) -> None:
    for name in ("u\u0308.jpg", "hill/same.jpg", "lake/same.jpg", "0F-3a.jpg"):
        (tmp_path / "b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / name).touch()
    assert [item.id for item in read(tmp_path, photo(0, **cells), "")] == [found]


def test_a_name_alone_takes_no_file_from_its_deployment(tmp_path: Path) -> None:
    (tmp_path / "b" / "d1").mkdir(parents=True)
    (tmp_path / "b" / "d1" / "7.jpg").touch()
    web = [photo(n, path=f"https://x/{n}", name="7.jpg", deployment=f"d{n}") for n in (1, 2)]
    assert [item.id for item in read(tmp_path, "".join(web), "")] == ["b/d1/7.jpg"]


def test_moments_of_an_event_keep_their_fractions(tmp_path: Path) -> None:
    media = photo(0, time="2024-05-22T10:00:05.1Z") + photo(1, time="2024-05-22T10:00:05.7Z")
    events = [("05.0", "05.2", "Lynx lynx"), ("05.6", "05.8", "Sus scrofa")]
    rows = [f"d1,,,2024-05-22T10:00:{a}Z,2024-05-22T10:00:{b}Z,event,animal,{name},human\n" for a, b, name in events]
    assert labels(read(tmp_path, media, "".join(rows))) == ["Lynx lynx", "Sus scrofa"]


def test_a_file_that_two_media_may_be_is_none_s(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    web = [photo(n, path=f"https://x/{n}", name="0.jpg") for n in (0, 2)]
    assert [item.id for item in read(tmp_path, "".join(web) + photo(1), "")] == ["a/1.jpg"]
    assert "2 images left out, because they are on the web" in caplog.text


def test_a_medium_on_the_web_that_is_listed_twice_keeps_its_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = [photo(n, path=f"https://x/{n}", name=f"{n}.jpg") for n in (0, 1)]
    assert [item.id for item in read(tmp_path, "".join(web + web[:1]), "")] == ["a/0.jpg", "a/1.jpg"]
    assert "are listed again" in caplog.text


def test_media_on_the_web_in_several_tables_of_one_name(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / "b" / f"d{number}"
        folder.mkdir(parents=True)
        (folder / "same.jpg").touch()
        row = photo(number, deployment=f"d{number}", path=f"https://x/{number}", name="same.jpg")
        (folder / "media.csv").write_text(MEDIA + row)
    observations = [f"d{n},m{n},,,,media,animal,{name},human\n" for n, name in ((1, "Vulpes vulpes"), (2, "Lynx lynx"))]
    media = {"name": "media", "path": ["b/d1/media.csv", "b/d2/media.csv"]}
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [media]}))
    found = {(item.id, item.label, item.camera) for item in read(tmp_path, "", "".join(observations))}
    assert found == {("b/d1/same.jpg", "Vulpes vulpes", "hill"), ("b/d2/same.jpg", "Lynx lynx", "lake")}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_in_other_encodings(tmp_path: Path, caplog: pytest.LogCaptureFixture, encoding: str) -> None:
    assert (
        labels(read(tmp_path, observations=EVENT.replace("Vulpes vulpes", "Füchsin"), encoding=encoding))
        == ["Füchsin"] * 2
    )
    assert ("is not UTF-8, and is read as cp1252" in caplog.text) == (encoding == "cp1252")


def test_the_description_names_separators_and_several_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path)
    table = tmp_path / "media.csv"
    (tmp_path / "more.csv").write_text((MEDIA + photo(1)).replace(",", "#"))
    table.write_text((MEDIA + photo(0)).replace(",", "#"))
    media = {"name": "media", "path": ["media.csv", "more.csv"], "dialect": {"delimiter": "#"}}
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [media], "profile": "https://x/2.0/p.json"}))
    assert labels(list(CamtrapDp(tmp_path, sequence_level=True).items())) == ["Vulpes vulpes"] * 2
    assert "is Camtrap DP 2.0; alframe reads 1.x, and may misunderstand it" in caplog.text
    (tmp_path / "datapackage.json").unlink()
    for name, text in (("media", MEDIA + PHOTOS), ("observations", OBSERVATIONS + EVENT)):
        (tmp_path / f"{name}.csv").write_text("sep=;\n" + text.replace(",", ";"))
    assert labels(list(CamtrapDp(tmp_path, sequence_level=True).items())) == ["Vulpes vulpes"] * 2
