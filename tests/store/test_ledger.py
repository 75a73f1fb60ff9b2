"""The ledger keeps everything, once, and lets nobody rewrite it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import StoreError
from alframe.loop.labels import find_standing_labels
from alframe.store.events import Requested
from alframe.store.ledger import LEDGER_NAME, Ledger
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
    assert [(one.item, one.class_name) for one in find_standing_labels(ledger.stored_labels())] == [(0, "fox")]
    assert ledger.raw_rows("label", ["class"]) == [("fox",), ("hare",), ("fox",)]


def test_the_images_that_a_round_could_draw_come_back(ledger: Ledger) -> None:
    ask(ledger, 1, 0)
    ask(ledger, 2, 1)
    strata = {1: [1, 0, 65535], 2: []}
    with ledger.transaction():
        for number, numbers in strata.items():
            ledger.add_audit_strata(number, np.array(numbers, np.int64))
    assert {number: found.tolist() for number, found in ledger.audit_strata().items()} == strata


def test_nothing_can_be_changed_or_deleted(ledger: Ledger) -> None:
    ask(ledger, 1, 0)
    with ledger.transaction():
        ledger.add_labels([(0, Label("a.jpg", "fox"))], 1, "csv")
        ledger.add_event(1, Requested())
        ledger.mark_unreadable([(2, "truncated")])
        ledger.add_audit_strata(1, np.array([1, 0, 2]))
    for table in ("label", "selection", "round", "event", "aside", "audit_frame"):
        for verb in (f"DELETE FROM {table}", f"UPDATE {table} SET rowid = rowid"):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                ledger._db.execute(verb)
    tables = ("item", "label", "selection", "round", "event", "aside", "audit_frame")
    before = {table: ledger.raw_rows(table, ["*"]) for table in tables}
    stranger = sqlite3.connect(ledger.file, isolation_level=None)
    for db in (ledger._db, stranger):  # one that is opened without our settings as well
        for table in before:
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                db.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        for replacing in (
            "INSERT OR REPLACE INTO selection SELECT round, rank + 1, item, 0.5, 0 FROM selection",
            "REPLACE INTO event (round, kind, at) VALUES (1, 'requested', '')",
            "REPLACE INTO item (key, id, path, split) VALUES (9, 'a.jpg', '', 'pool')",
        ):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                db.execute(replacing)
    stranger.close()
    assert before == {table: ledger.raw_rows(table, ["*"]) for table in before}


def test_replacing_fires_the_triggers_of_deletion(ledger: Ledger) -> None:
    ledger.add_event(1, Requested())
    ledger._db.execute("DROP TRIGGER event_no_insert")
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        ledger._db.execute("REPLACE INTO event (round, kind, at) VALUES (1, 'requested', '')")


def test_an_item_may_move_and_nothing_else(ledger: Ledger) -> None:
    for change in (
        "DELETE FROM item WHERE key = 2",
        *(
            f"UPDATE item SET {c}"
            for c in ("key = key + 10", "rowid = 10 WHERE key = 2", "id = id || 'x'", "split = 'test'")
        ),
    ):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            ledger._db.execute(change)
    ledger.update_paths([(0, "/elsewhere/a.jpg")])
    assert ledger.items()[0].path == Path("/elsewhere/a.jpg")


def test_items_exchange_their_ids(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.rename_items({0: "c.jpg", 2: "a.jpg"})
    assert list(ledger.items().ids) == ["c.jpg", "b/ü (1).jpg", "a.jpg"]
    assert [former[:2] for former in ledger.former_ids(range(9))] == [(0, "a.jpg"), (2, "c.jpg")]
    assert [former[:2] for former in ledger.former_ids([2])] == [(2, "c.jpg")]
    assert ledger.keys_of_former_ids(["c.jpg", "d.jpg"]) == [2]
    assert ledger.ids_of([0, 7]) == {0: "c.jpg"}


def test_the_cost_of_a_rename_does_not_grow_with_the_earlier_ones(tmp_path: Path) -> None:
    def count_steps(items: int) -> int:
        with Ledger.open(tmp_path / str(items)) as book, book.transaction():
            book.add_items(0, [item(f"{number}.jpg") for number in range(items)])
            steps = 0

            def count() -> int:
                nonlocal steps
                steps += 1
                return 0

            book._db.set_progress_handler(count, 100)
            book.rename_items({number: f"{number}.png" for number in range(items)})
            book._db.set_progress_handler(None, 0)
            return steps

    assert count_steps(1600) < 1.5 * 8 * count_steps(200)


def test_labels_that_are_known_cost_one_question(ledger: Ledger) -> None:
    for origin in ("csv", "pool"):
        with ledger.transaction():
            assert ledger.add_labels([(key, Label("", "fox")) for key in range(3)], None, origin) == 3
    asked: list[str] = []
    ledger._db.set_trace_callback(asked.append)
    assert ledger.add_labels([(key, Label("", "fox")) for key in range(3)], None, "csv") == 0
    assert len(asked) == 1
    assert ledger.add_labels([(0, Label("", "hare")), (0, Label("", "hare")), (0, Label("", "fox"))], None, "csv") == 2


def test_a_full_disk_is_said_in_words_and_nothing_is_lost(ledger: Ledger) -> None:
    ledger._db.execute(f"PRAGMA max_page_count = {ledger._db.execute('PRAGMA page_count').fetchone()[0]}")
    with (
        pytest.raises(StoreError, match=r"full.*Nothing that was stored before is lost.*Make room"),
        ledger.transaction(),
    ):
        ledger.add_items(3, [item(f"{n}/{'x' * 200}.jpg") for n in range(500)])
    ledger._db.execute("PRAGMA max_page_count = 100000")
    assert len(ledger.items()) == 3
    with ledger.transaction():
        ledger.add_items(3, [item("d.jpg")])


def test_a_full_disk_at_the_end_leaves_no_transaction_open(ledger: Ledger) -> None:
    with pytest.raises(StoreError), ledger.transaction():
        ledger._db.execute("PRAGMA defer_foreign_keys = ON")  # so that it is COMMIT that fails
        ledger.mark_unreadable([(77, "no such item")])
    with ledger.transaction():
        ledger.mark_unreadable([(0, "lost")])
    assert ledger.unreadable_reasons() == {0: "lost"}


def test_a_lock_that_another_holds_is_said_in_words(ledger: Ledger) -> None:
    ledger._db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(ledger.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"ledger\.sqlite.*locked.*Another program"), ledger.transaction():
        pass
    other.close()


def test_a_label_of_nothing_is_refused(ledger: Ledger) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"), ledger.transaction():
        ledger.add_labels([(77, Label("zzz", "fox"))], None, "csv")
    assert find_standing_labels(ledger.stored_labels()) == []


def test_a_failed_transaction_leaves_no_trace(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.transaction():
        ledger.mark_unreadable([(0, "lost")])
        raise RuntimeError
    assert ledger.unreadable_reasons() == {}


def test_an_image_that_can_be_read_again_is_no_longer_aside(ledger: Ledger) -> None:
    for reason, expected in (("truncated", {1: "truncated"}), (None, {}), ("missing", {1: "missing"})):
        with ledger.transaction():
            ledger.mark_unreadable([(1, reason)])
        assert ledger.unreadable_reasons() == expected


def test_rounds_tell_how_far_they_are(ledger: Ledger) -> None:
    ask(ledger, 1, 2, 0)
    with ledger.transaction():
        ledger.add_event(1, Requested())
    (one,) = ledger.stored_rounds()
    assert (one.keys, one.requested, one.closed) == ((2, 0), True, False)


def test_a_phase_is_marked_once(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.add_event(1, Requested())
    with pytest.raises(StoreError, match="append-only: event"), ledger.transaction():
        ledger.add_event(1, Requested())


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
    partly, again = replace(record, labels=26, unlabelled=74), replace(record, model="again")
    with ledger.transaction():
        ledger.add_record(partly)
        ledger.add_record(again)
    assert ledger.all_records() == [again], "labels were taken back"
    with ledger.transaction():
        ledger.add_record(partly)
    assert ledger.all_records() == [again, partly], "part of the next batch was answered"
    assert ledger.history() == [partly], "a round has one record, the latest"


def test_another_reader_sees_committed_work_only(ledger: Ledger, tmp_path: Path) -> None:
    with Ledger.open(tmp_path, read_only=True) as reader:
        with ledger.transaction():
            ledger.mark_unreadable([(0, "lost")])
            assert reader.unreadable_reasons() == {}
        assert reader.unreadable_reasons() == {0: "lost"}
        with pytest.raises(StoreError, match="readonly"):
            reader.mark_unreadable([(0, None)])


def test_no_project_a_damaged_file_and_a_newer_version_are_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no alframe project"):
        Ledger.open(tmp_path / "none", read_only=True)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / LEDGER_NAME).write_bytes(b"this is not a database, but it is long enough to look like a file" * 50)
    with pytest.raises(StoreError, match="Restore it from a backup"):
        Ledger.open(broken)
    Ledger.open(tmp_path / "newer").close()
    with sqlite3.connect(tmp_path / "newer" / LEDGER_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="written by a newer alframe"):
        Ledger.open(tmp_path / "newer")
