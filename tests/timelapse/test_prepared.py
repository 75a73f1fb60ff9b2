"""Data files that alframe wrote itself look to Timelapse as if it had made them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.label_sources.timelapse.source import Timelapse as RoundSet
from alframe.types import Item, Request, Suggestion
from tests.timelapse.conftest import picture
from tests.timelapse.lab import own_template, path_of
from tests.timelapse.people import TDB
from tests.timelapse.simulator import Timelapse
from tests.timelapse.test_simulator import declarations

NAMES = ("B/IMG_2.JPG", "A/IMG_1.JPG", "root.jpg", "Süd/x y/IMG_1.jpg")
CLASSES = ("boar", "deer", "it's", 'the "fox"')


def request(folder: Path, number: int = 1, names: tuple[str, ...] = NAMES) -> Request:
    items = tuple(
        Item(name, picture(folder / "images" / name, f"2024:05:0{at + 1} 10:00:00")) for at, name in enumerate(names)
    )
    guesses = tuple(Suggestion(CLASSES[at % 4], 0.25 + at / 10) for at in range(len(items)))
    return Request(number, items, CLASSES, folder / f"to_label-{number}", guesses)


def prepared(folder: Path) -> tuple[Request, Timelapse]:
    asked = request(folder)
    RoundSet(prepare=True).request(asked)
    return asked, Timelapse.open(asked.folder / "round-001" / TDB)


def test_a_prepared_set_is_declared_as_timelapse_would(tmp_path: Path) -> None:
    asked, timelapse = prepared(tmp_path)
    assert not timelapse.created and not timelapse.rebuilt and timelapse.dialogs == []
    bare = Request(2, asked.items, asked.classes, asked.folder, asked.suggestions)
    RoundSet(prepare=True).request(bare)
    root = asked.folder / "round-002"
    ours = declarations(root / "TimelapseData.ddb")
    rows = {path_of(row): row for row in Timelapse.open(root / TDB).records()}
    (root / "TimelapseData.ddb").unlink()
    made = Timelapse.open(root / TDB)
    assert made.created
    assert ours == declarations(made.ddb)
    for row in made.records():
        assert rows[path_of(row)]["DateTime"] == row["DateTime"]
        assert set(rows[path_of(row)]) == set(row)


def test_a_prepared_set_opens_on_the_batch_in_its_order_with_keys(tmp_path: Path) -> None:
    asked, timelapse = prepared(tmp_path)
    assert timelapse.custom, "the saved selection is honoured"
    assert [path_of(row) for row in timelapse.shown] == list(NAMES), "in the order of importance"
    assert [row["ALPrediction"] for row in timelapse.shown] == [one.class_name for one in asked.suggestions]
    assert [entry["Title"] for entry in timelapse.quickpastes] == ["blank", *CLASSES, "unsure"]
    for at, row in enumerate(timelapse.shown):
        timelapse.quickpaste(at + 2, row["Id"])
    timelapse.close()
    again = Timelapse.open(timelapse.ddb)
    assert again.custom and [entry["Title"] for entry in again.quickpastes] == ["blank", *CLASSES, "unsure"]
    answers = RoundSet(prepare=True).collect(asked)
    assert answers.problems == []
    assert [(label.item, label.class_name) for label in answers.labels] == list(zip(NAMES, CLASSES, strict=True))


def test_a_users_set_changed_in_place_opens_on_each_batch(tmp_path: Path) -> None:
    request(tmp_path)
    own_template(tmp_path / "images", species=("blank", *CLASSES, "unsure"))
    timelapse = Timelapse.open(tmp_path / "images" / TDB)
    timelapse.label("root.jpg", "boar")
    timelapse.close()
    decide_labels(timelapse.ddb)
    source = TimelapseSet(str(timelapse.root), write=True)
    for number, names in enumerate((NAMES[:2], NAMES[1:3]), start=1):
        before = {row["Id"]: row for row in Timelapse.open(timelapse.ddb).records()}
        decide_labels(timelapse.ddb)
        said = source.request(request(tmp_path, number, names))
        assert "They are selected in it" in said
        timelapse = Timelapse.open(timelapse.ddb)
        assert timelapse.dialogs == [] and timelapse.custom
        assert [path_of(row) for row in timelapse.shown] == list(names), "the least certain first"
        kept = ("File", "RelativePath", "DateTime", "Species", "Camera", "Count", "DeleteFlag")
        for row in timelapse.records():
            assert [row[name] for name in kept] == [before[row["Id"]][name] for name in kept]
            assert row["Selected"] == ("true" if path_of(row) in names else "false")
        assert timelapse.journal_mode() == "delete"
        timelapse.close()
        decide_labels(timelapse.ddb)


def decide_labels(ddb: Path) -> None:
    """Nobody has touched the file for a while, as when Timelapse is closed."""
    import os

    past = datetime(2024, 6, 1).timestamp()
    os.utime(ddb, (past, past))
