"""The ledger keeps everything, once, and lets nobody rewrite it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import StoreError
from alframe.store.ledger import FILE_NAME, Ledger
from alframe.types import Box, Evaluation, Item, Label, RoundRecord, Selection


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    book = Ledger.open(tmp_path)
    with book.transaction():
        book.add_items(0, [item("a.jpg"), item("b/ü (1).jpg"), item("c.jpg")])
    return book


def item(name: str) -> Item:
    return Item(
        id=name,
        path=Path("/photos") / name,
        label="fox",
        camera="A1",
        taken=datetime(2026, 5, 1, 23, 59, 58),
        sequence="s1",
        box=Box(0.1, 0.2, 0.3, 0.4),
        meta={"note": "ñ"},
    )


def ask(ledger: Ledger, number: int, *keys: int) -> None:
    with ledger.transaction():
        ledger.add_round(number, {"seed": 0}, {"numpy": "2"}, {}, Selection(np.array(keys), None))


def test_items_come_back_as_they_were(ledger: Ledger) -> None:
    assert ledger.items()[1] == item("b/ü (1).jpg")


def test_a_label_read_twice_counts_once_and_a_correction_counts(ledger: Ledger) -> None:
    ask(ledger, 1, 0, 1)
    for name, new in (("fox", 1), ("fox", 0), ("hare", 1), ("hare", 0), ("fox", 1)):
        with ledger.transaction():
            assert ledger.add_labels([(0, Label("a.jpg", name, file="x.csv", row=2))], 1, "csv") == new
    assert [(one.item, one.class_name) for one in ledger.labels()] == [(0, "fox")]
    assert ledger.table("label", ["class"]) == [("fox",), ("hare",), ("fox",)]


def test_nothing_can_be_changed_or_deleted(ledger: Ledger) -> None:
    ask(ledger, 1, 0)
    with ledger.transaction():
        ledger.add_labels([(0, Label("a.jpg", "fox"))], 1, "csv")
        ledger.mark(1, "requested")
        ledger.set_aside([(2, "truncated")])
    for table in ("label", "selection", "round", "event", "aside"):
        for verb in (f"DELETE FROM {table}", f"UPDATE {table} SET rowid = rowid"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                ledger._db.execute(verb)


def test_a_label_of_nothing_is_refused(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError), ledger.transaction():
        ledger.add_labels([(77, Label("zzz", "fox"))], None, "csv")
    assert ledger.labels() == []


def test_a_failed_transaction_leaves_no_trace(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.transaction():
        ledger.set_aside([(0, "lost")])
        raise RuntimeError
    assert ledger.aside() == {}


def test_an_image_that_can_be_read_again_is_no_longer_aside(ledger: Ledger) -> None:
    for reason, expected in (("truncated", {1: "truncated"}), (None, {}), ("missing", {1: "missing"})):
        with ledger.transaction():
            ledger.set_aside([(1, reason)])
        assert ledger.aside() == expected


def test_rounds_tell_how_far_they_are(ledger: Ledger) -> None:
    ask(ledger, 1, 2, 0)
    with ledger.transaction():
        ledger.mark(1, "requested")
    (one,) = ledger.rounds()
    assert (one.keys, one.requested, one.answered) == ((2, 0), True, False)


def test_a_phase_is_marked_once(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.mark(1, "requested")
    with pytest.raises(sqlite3.IntegrityError), ledger.transaction():
        ledger.mark(1, "requested")


def test_records_come_back_as_they_were(ledger: Ledger) -> None:
    evaluation = Evaluation(
        basis="held-out images", n=10, accuracy=0.9, low=0.6, high=0.98, balanced_accuracy=0.9, macro_precision=0.9,
        macro_recall=0.9, macro_f1=0.9, classes=("a", "b"), confusion=((5, 0), (1, 4)),
        per_class=({"f1": 0.9}, {"f1": 0.8}),
    )  # fmt: skip
    record = RoundRecord(1, 20, 80, 0, ("a", "b"), evaluation, "f" * 32, {"head": 0.1}, datetime.now(UTC))
    with ledger.transaction():
        ledger.add_record(record)
    assert ledger.history() == [record]


def test_another_reader_sees_committed_work_only(ledger: Ledger, tmp_path: Path) -> None:
    with Ledger.open(tmp_path, read_only=True) as reader:
        with ledger.transaction():
            ledger.set_aside([(0, "lost")])
            assert reader.aside() == {}
        assert reader.aside() == {0: "lost"}
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.set_aside([(0, None)])


def test_no_project_a_damaged_file_and_a_newer_version_are_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no alframe project"):
        Ledger.open(tmp_path / "none", read_only=True)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE_NAME).write_bytes(b"this is not a database, but it is long enough to look like a file" * 50)
    with pytest.raises(StoreError, match="restore the file from a backup"):
        Ledger.open(broken)
    Ledger.open(tmp_path / "newer").close()
    with sqlite3.connect(tmp_path / "newer" / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="written by a newer alframe"):
        Ledger.open(tmp_path / "newer")
