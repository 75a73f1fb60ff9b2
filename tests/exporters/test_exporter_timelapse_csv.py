"""The CSV is imported by a Timelapse that obeys the documented rules, and is looked at afterwards."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import FormatError
from alframe.exporters.timelapse_csv.exporter import TimelapseCsv
from alframe.testing.exporter import ExporterSuite, FakeModel
from alframe.types import UNSURE, Item, Label, Predictions
from tests.timelapse.conftest import picture, template
from tests.timelapse.simulator import Timelapse

NAMES = ("A/IMG_1.JPG", "A/IMG_2.JPG", "B/C/IMG_1.JPG", "B/C/IMG_3.jpg", "IMG_9.JPG")
CLASSES = ("fox", "boar", "blank")


class TestTimelapseCsv(ExporterSuite):
    writes_predictions = False

    def make(self) -> TimelapseCsv:
        return TimelapseCsv()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for number, name in enumerate(NAMES):
        picture(folder / name, f"2024:05:01 10:00:0{number}")
    editor = template(folder, "fox", "boar", "Blank")
    editor.add("Note", "ALPrediction").add("DecimalAny", "ALConfidence")
    return folder


@pytest.fixture
def user(root: Path) -> Timelapse:
    return Timelapse.open(root / "TimelapseTemplate.tdb")


def some(root: Path, labels: Mapping[str, str | None], boxes: Sequence[str] = ()) -> Predictions:
    """Images with labels or None, all predicted as fox with 0.75; those in `boxes` are one of two boxes."""
    items = [
        Item(name, root / name.partition("#")[0], meta={"box": "1 of 2"} if name in boxes else {}) for name in labels
    ]
    probs = np.tile(np.array([[0.75, 0.15, 0.1]], np.float32), (len(items), 1))
    said = [name and Label(item.id, name, "Anna") for item, name in zip(items, labels.values(), strict=True)]
    return Predictions(items, probs, CLASSES, said, 3)


def export(what: Predictions, folder: Path, **params: object) -> list[list[str]]:
    """The rows of the CSV, if there is one, after its form has been looked at."""
    (made,) = TimelapseCsv(**params).export(what, FakeModel(), folder)
    found = [file for file in made.glob("*.csv") if file.name != "left-out.csv"]
    if not found:
        return []
    data = found[0].read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n")
    with found[0].open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def left_out(folder: Path) -> dict[str, str]:
    with (folder / "timelapse" / "left-out.csv").open(encoding="utf-8-sig", newline="") as handle:
        return {row["path"]: row["why"] for row in csv.DictReader(handle)}


def guide(folder: Path) -> str:
    return (folder / "timelapse" / "how-to-import.txt").read_text("utf-8")


def imported(user: Timelapse, folder: Path) -> dict[str, str]:
    """Species by image after a silent import of the file where Timelapse proposes it."""
    file = folder / "timelapse" / user.ddb.with_suffix(".csv").name
    file.replace(user.ddb.with_suffix(".csv"))
    before = {row["Id"]: row["DateTime"] for row in user.records()}
    said = user.import_csv()
    assert said.imported
    assert not said.problems
    assert {row["Id"]: row["DateTime"] for row in user.records()} == before
    return species(user)


def species(user: Timelapse) -> dict[str, str]:
    rows = sorted(user.records(), key=lambda row: row["Id"])
    found: dict[str, str] = {}
    for row in rows:
        key = "/".join(part for part in (row["RelativePath"].replace("\\", "/"), row["File"]) if part)
        found[key] = f"{found[key]}+{row['Species']}" if key in found else row["Species"]
    return found


def test_labels_arrive_in_the_users_set_without_a_warning(root: Path, user: Timelapse, tmp_path: Path) -> None:
    labels = {
        "A/IMG_1.JPG": "fox",
        "A/IMG_2.JPG": None,
        "B/C/IMG_1.JPG": "blank",
        "B/C/IMG_3.jpg": UNSURE,
        NAMES[4]: "boar",
    }
    rows = export(some(root, labels), tmp_path, set=user.ddb)
    assert rows == [
        ["File", "RelativePath", "DateTime", "Species"],
        ["IMG_9.JPG", "", "2024-05-01 10:00:04", "boar"],
        ["IMG_1.JPG", "A", "2024-05-01 10:00:00", "fox"],
        ["IMG_1.JPG", "B\\C", "2024-05-01 10:00:02", "Blank"],
    ]
    assert left_out(tmp_path) == {}
    assert "3 images will change" in guide(tmp_path)
    assert "Date/Time" not in guide(tmp_path)
    assert imported(user, tmp_path) == {
        "A/IMG_1.JPG": "fox",
        "A/IMG_2.JPG": "",
        "B/C/IMG_1.JPG": "Blank",
        "B/C/IMG_3.jpg": "",
        "IMG_9.JPG": "boar",
    }
    assert export(some(root, labels), tmp_path, set=root) == []  # all of it is there now
    assert "nothing to import" in guide(tmp_path)
    assert "3 images have their labels in the set already" in guide(tmp_path)


def test_what_cannot_be_carried_is_listed_with_the_remedy(
    root: Path, user: Timelapse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user.label("A/IMG_2.JPG", "boar")
    picture(root / "elsewhere.JPG")
    labels = {"A/IMG_1.JPG": "lynx", "A/IMG_2.JPG": "fox", "elsewhere.JPG": "fox", "B/C/IMG_3.jpg": "fox"}
    rows = export(some(root, labels), tmp_path, set=user.ddb)
    assert [row[0] for row in rows] == ["File", "IMG_3.jpg"]
    why = left_out(tmp_path)
    assert "'lynx' is not in the set's list" in why["A/IMG_1.JPG"]
    assert "exporter.timelapse_csv.names={lynx: NAME}" in why["A/IMG_1.JPG"]
    assert "The set says 'boar'" in why["A/IMG_2.JPG"]
    assert "not in the set" in why["elsewhere.JPG"]
    assert "Labels of 3 images are not in" in caplog.text
    rows = export(some(root, labels), tmp_path, set=user.ddb, overwrite=True, names={"lynx": "fox"})
    assert set(left_out(tmp_path)) == {"elsewhere.JPG"}
    after = imported(user, tmp_path)
    assert after["A/IMG_2.JPG"] == after["A/IMG_1.JPG"] == "fox"


def test_an_image_in_the_root_folder_whose_name_others_have(root: Path, tmp_path: Path) -> None:
    picture(root / "IMG_1.JPG")
    user = Timelapse.open(root / "TimelapseTemplate.tdb")
    rows = export(some(root, {"IMG_1.JPG": "fox", "A/IMG_1.JPG": "boar"}), tmp_path, set=user.ddb)
    assert [row[:2] for row in rows[1:]] == [["IMG_1.JPG", "A"]]
    assert "would change other images" in left_out(tmp_path)["IMG_1.JPG"]
    after = imported(user, tmp_path)
    assert (after["IMG_1.JPG"], after["A/IMG_1.JPG"], after["B/C/IMG_1.JPG"]) == ("", "boar", "")


def test_an_image_with_several_records(root: Path, user: Timelapse, tmp_path: Path) -> None:
    (record,) = user.find("A/IMG_1.JPG")
    user.duplicate(record)
    (other,) = user.find("B/C/IMG_1.JPG")
    user.duplicate(other)
    ids = ("A/IMG_1.JPG#1", "A/IMG_1.JPG#2", "A/IMG_2.JPG#1", "A/IMG_2.JPG#2", "B/C/IMG_3.jpg#1", "B/C/IMG_3.jpg#2")
    labels = dict(zip(ids, ("fox", "boar", "fox", "boar", "blank", "fox"), strict=True)) | {"B/C/IMG_1.JPG": "fox"}
    rows = export(some(root, labels, ids), tmp_path, set=user.ddb)
    assert [(row[1], row[0], row[3]) for row in rows[1:]] == [
        ("A", "IMG_1.JPG", "fox"),
        ("B\\C", "IMG_1.JPG", "fox"),
        ("B\\C", "IMG_3.jpg", "fox"),
        ("A", "IMG_1.JPG", "boar"),
        ("B\\C", "IMG_1.JPG", "fox"),
    ]
    assert "2 animals and 1 record in Timelapse" in left_out(tmp_path)["A/IMG_2.JPG"]
    after = imported(user, tmp_path)
    assert after["A/IMG_1.JPG"] == "fox+boar"
    assert after["B/C/IMG_1.JPG"] == "fox+fox"
    assert after["B/C/IMG_3.jpg"] == "fox"


def test_the_models_word_beside_peoples(root: Path, user: Timelapse, tmp_path: Path) -> None:
    user.label("A/IMG_2.JPG", "boar")
    labels = {"A/IMG_1.JPG": "boar", "A/IMG_2.JPG": None, "B/C/IMG_1.JPG": None}
    rows = export(some(root, labels), tmp_path, set=user.ddb, predictions=True)
    assert rows[0] == ["File", "RelativePath", "DateTime", "Species", "ALPrediction", "ALConfidence"]
    assert [row[3:] for row in rows[1:]] == [
        ["boar", "fox", "0.7500"],
        ["boar", "fox", "0.7500"],
        ["", "fox", "0.7500"],
    ]
    assert imported(user, tmp_path)["A/IMG_2.JPG"] == "boar"


def test_the_set_lies_above_or_beside_the_pool(root: Path, user: Timelapse, tmp_path: Path) -> None:
    inner = some(root / "A", {"IMG_1.JPG": "fox"})
    assert export(inner, tmp_path, set=user.ddb)[1][:2] == ["IMG_1.JPG", "A"]
    copied = some(tmp_path / "copy", {"A/img_1.jpg": "fox"})  # on another disk, its names in small letters
    assert export(copied, tmp_path, set=user.ddb)[1][:2] == ["IMG_1.JPG", "A"]


def test_without_the_set(tmp_path: Path) -> None:
    labels = {"A/B/1.jpg": "fox", "A/2.jpg": None, "3.jpg": "boar", "2.jpg": "fox", "1.jpg": "fox"}
    rows = export(some(tmp_path, labels), tmp_path, names={"boar": "Wild boar"})
    assert rows == [
        ["File", "RelativePath", "Species"],
        ["1.jpg", "A\\B", "fox"],
        ["3.jpg", "", "Wild boar"],
        ["2.jpg", "", "fox"],
    ]
    assert (tmp_path / "timelapse" / "TimelapseData.csv").exists()
    assert "would change the images of that name" in left_out(tmp_path)["1.jpg"]
    assert "Date/Time was not updated" in guide(tmp_path)
    assert "exporter.timelapse_csv.set" in guide(tmp_path)


def test_sets_that_cannot_be_used(root: Path, user: Timelapse, tmp_path: Path) -> None:
    predictions = some(root, {"A/IMG_1.JPG": "fox"})
    for params, message in (
        ({"set": user.ddb, "species": "species"}, "no field with the Data Label 'species'. Did you mean 'Species'"),
        ({"set": tmp_path / "nothing"}, "but there are: none"),
        ({"set": tmp_path / "broken.ddb"}, "broken.ddb"),
    ):
        (tmp_path / "broken.ddb").write_bytes(b"no database")
        with pytest.raises(FormatError, match=message):
            TimelapseCsv(**params).export(predictions, FakeModel(), tmp_path)
    assert not (tmp_path / "timelapse").exists()


def test_the_users_set_is_not_touched(root: Path, user: Timelapse, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    export(some(root, {"A/IMG_1.JPG": "fox"}), tmp_path, set=root / "TimelapseTemplate.tdb")
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == before
