"""How observations, events and files of a Camtrap DP package find their images, and what finds none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.errors import FormatError
from alframe.pools.camtrap_dp import CamtrapDp

MEDIA = "mediaID,deploymentID,timestamp,filePath,fileMediatype\n"
OBSERVATIONS = (
    "deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
    "classificationMethod,bboxX,bboxY,bboxWidth,bboxHeight\n"
)


def write(folder: Path, media: str, observations: str = "", deployments: str = "deploymentID\nd1\nd2\n") -> None:
    (folder / "a").mkdir()
    (folder / "a" / "1.jpg").touch()
    tables = {"deployments": deployments, "media": MEDIA + media, "observations": OBSERVATIONS + observations}
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")


PHOTOS = "".join(f"m{n},d1,2024-05-02T10:00:0{n}{{0}},a/{n}.jpg,image/jpeg\n" for n in range(4))
EVENT = "d1,,ev1,2024-05-02T10:00:00{0},2024-05-02T10:00:05{0},event,animal,Vulpes vulpes,human,,,,\n"


@pytest.mark.parametrize(
    ("of_media", "of_event", "of_deployment", "is_joined"),
    [
        ("", "+02:00", "+02:00", True),
        ("+02:00", "", "+02:00", True),
        ("", "", "+02:00", True),
        ("", "", "", True),
        ("", "+02:00", "", True),
        ("", "Z", "", False),
        ("", "Z", "+02:00", False),
        ("", "Z", "Z", True),
        ("Z", "+02:00", "", False),
    ],
)
def test_times_without_an_offset_are_the_camera_s(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    of_media: str,
    of_event: str,
    of_deployment: str,
    is_joined: bool,
) -> None:
    deployments = f"deploymentID,deploymentStart\nd1,2024-05-01T00:00:00{of_deployment}\n"
    write(tmp_path, PHOTOS.format(of_media), EVENT.format(of_event), deployments)
    labels = {one.label for one in CamtrapDp(tmp_path, sequence_level=True).items()}
    assert labels == {"Vulpes vulpes" if is_joined else None}
    assert ("1 observations of events belong to no image" in caplog.text) != is_joined


@pytest.mark.parametrize(("kind", "name", "label"), [("unclassified", "", None), ("blank", "", "blank")])
def test_an_image_by_the_clock_takes_nothing_from_an_event_of_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, name: str, label: str | None
) -> None:
    own = f"d1,,tl1,2024-05-02T10:00:02Z,2024-05-02T10:00:02Z,event,{kind},{name},human,,,,\n"
    media = PHOTOS.format("Z") + "t1,d1,2024-05-02T10:00:02Z,a/4.jpg,image/jpeg\n"
    lines = [MEDIA.strip() + ",captureMethod", *(f"{line},activityDetection" for line in media.splitlines())]
    lines[-1] = lines[-1].replace("activityDetection", "timeLapse")
    write(tmp_path, "", EVENT.format("Z") + own)
    (tmp_path / "media.csv").write_text("\n".join(lines) + "\n")
    found = list(CamtrapDp(tmp_path, sequence_level=True).items())
    assert [(one.label, one.sequence) for one in found] == [("Vulpes vulpes", "ev1")] * 4 + [(label, "tl1")]
    assert "1 images that were taken during an event of other images" in caplog.text


def test_images_on_the_web_are_found_here_by_their_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = ("here.JPG", "twice.jpg", "gone.jpg", "d1.jpg", "d1.jpg", "")
    web = [
        f"m{n},d{1 + (n == 4)},,https://example.org/x/{n}%20.jpg?a=b,image/jpeg,{name}" for n, name in enumerate(names)
    ]
    write(tmp_path, "", "d1,m0,e1,,,media,animal,Vulpes vulpes,human,,,,\n")
    (tmp_path / "media.csv").write_text(MEDIA.strip() + ",fileName\n" + "\n".join(web) + "\n")
    for file in ("a/HERE.jpg", "a/twice.jpg", "b/twice.jpg", "b/d1/d1.jpg", "c/d1.jpg", "b/5 .jpg"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    found = {one.id: one.label for one in CamtrapDp(tmp_path).items()}
    assert found == {"a/HERE.jpg": "Vulpes vulpes", "b/d1/d1.jpg": None, "b/5 .jpg": None}
    assert "3 images left out, because they are on the web" in caplog.text and "(fileName 'twice.jpg')" in caplog.text


@pytest.mark.parametrize(
    ("profile", "columns"),
    [
        ("https://x/0.1.6/camtrap-dp-profile.json", "observationLevel,observationType"),
        (None, "sequenceID,mediaID,timestamp,observationType"),
    ],
)
def test_an_older_standard_is_named(tmp_path: Path, profile: str | None, columns: str) -> None:
    write(tmp_path, "m1,d1,,a/1.jpg,\n")
    (tmp_path / "observations.csv").write_text(columns + "\n")
    if profile:
        (tmp_path / "datapackage.json").write_text(json.dumps({"profile": profile, "resources": []}))
    with pytest.raises(FormatError, match=r"is Camtrap DP 0\.1\..*; alframe reads 1.x. Export the package again"):
        list(CamtrapDp(tmp_path).items())
