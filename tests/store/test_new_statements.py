"""What a source says about an item is kept as a whole, with its history, and is read again without effect."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alframe.loop.labels import decide_labels, find_standing_labels
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.store.migrations import STEPS
from alframe.types import UNSURE, Item, Label, Selection

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return filled(tmp_path)


def filled(folder: Path) -> Ledger:
    book = Ledger.open(folder)
    with book.transaction():
        book.add_items(0, [Item(f"{n}.jpg", folder / f"{n}.jpg") for n in range(5)])
        for number in (1, 2):
            book.add_round(number, {}, {}, {}, Selection(np.arange(5), None), audit_keys=[0, 3])
    return book


def say(
    ledger: Ledger, *labels: Label, key: int = 0, number: int | None = 1, origin: str = "csv", blank: bool = False
) -> int:
    with ledger.transaction():
        return ledger.add_labels([(key, one) for one in labels], number, origin, [key] if blank else [])


def standing(ledger: Ledger) -> list[tuple[int, str, str]]:
    return [(one.item, one.annotator, one.class_name) for one in find_standing_labels(ledger.stored_labels())]


def fox(annotator: str = "", name: str = "fox", minutes: int = 0) -> Label:
    return Label("", name, annotator, NOON + timedelta(minutes=minutes), "x.csv", answer_file_hash="ab")


def test_two_annotators_stand_side_by_side_the_last_at_the_end(ledger: Ledger) -> None:
    assert say(ledger, fox("ben", "hare", 5), fox("anna")) == 2
    assert standing(ledger) == [(0, "anna", "fox"), (0, "ben", "hare")]
    assert say(ledger, fox("anna"), fox("ben", "hare", 5)) == 0, "the same word again"
    assert say(ledger, fox("anna", minutes=9), fox("ben", "hare", 5)) == 2, "anna has looked again, and says it last"
    assert standing(ledger) == [(0, "ben", "hare"), (0, "anna", "fox")]


def test_a_word_replaces_the_one_before_as_a_whole(ledger: Ledger) -> None:
    say(ledger, fox("anna"), fox("ben", "hare"))
    say(ledger, fox("anna"))
    assert standing(ledger) == [(0, "anna", "fox")]
    assert len(ledger.raw_rows("label", ["n"])) == 3, "history is kept"


def test_what_is_not_found_stands_and_what_is_blank_is_taken_back(ledger: Ledger) -> None:
    say(ledger, fox())
    assert say(ledger) == 0
    assert standing(ledger) == [(0, "", "fox")]
    assert say(ledger, blank=True) == 1
    assert standing(ledger) == []
    assert say(ledger, blank=True) == 0
    assert say(ledger, fox()) == 1
    assert standing(ledger) == [(0, "", "fox")]
    assert ledger.raw_rows("label", ["class", "taken_back"]) == [("fox", 0), ("fox", 1), ("fox", 0)]


def test_blank_where_nothing_was_said_is_nothing(ledger: Ledger) -> None:
    assert say(ledger, blank=True) == 0


def in_file(label: Label, file: str, row: int | None = 2) -> Label:
    return replace(label, file=file, row=row)


def test_a_table_that_is_gone_leaves_what_it_said_standing(ledger: Ledger) -> None:
    anna, ben = in_file(fox("anna"), "anna.csv"), in_file(fox("ben", "hare"), "ben.csv")
    say(ledger, anna, ben)
    assert say(ledger, anna) == 0, "ben's file is gone"
    assert len(standing(ledger)) == 2
    changed = in_file(fox("anna", "lynx", 1), "anna.csv")
    assert say(ledger, changed) == 2
    assert standing(ledger) == [(0, "ben", "hare"), (0, "anna", "lynx")]


def test_a_table_that_is_there_and_says_it_no_more_takes_it_back(ledger: Ledger) -> None:
    anna, ben = in_file(fox("anna"), "anna.csv"), in_file(fox("ben", "hare"), "ben.csv")
    say(ledger, anna, ben)
    with ledger.transaction():
        assert ledger.add_labels([(0, anna), (1, ben)], 1, "csv") == 2, "ben's file has another answer in it"
    assert standing(ledger) == [(0, "anna", "fox"), (1, "ben", "hare")]


def test_a_project_that_has_moved_reads_the_same_files(ledger: Ledger) -> None:
    for key, blank in ((0, False), (1, True)):
        say(ledger, in_file(fox("ana"), "C:\\season\\round-001\\to_label.csv"), key=key)
        moved = in_file(fox("anna", "wolf"), "/mnt/season/round-001/to_label.csv")
        with ledger.transaction():
            ledger.add_labels([(0, moved)], 1, "csv", [key] if blank else [])
    assert standing(ledger) == [(0, "anna", "wolf")], "the name is corrected, and the emptied cell is empty"


def test_a_later_table_that_is_gone_still_counts(ledger: Ledger) -> None:
    early, late = in_file(fox(), "to_label.csv"), in_file(fox("", "wolf", 5), "corrected.csv")
    say(ledger, early, late)
    assert say(ledger, early) == 0, "the file with the correction is gone"
    assert standing(ledger)[-1] == (0, "", "wolf")
    say(ledger, in_file(fox("", "lynx", 9), "to_label.csv"))
    assert standing(ledger) == [(0, "", "lynx")], "later than the correction"


def test_a_copy_that_is_deleted_adds_nothing_however_often_answers_are_read(ledger: Ledger) -> None:
    first, copy = in_file(fox(), "to_label.csv"), in_file(fox(minutes=5), "copy.csv")
    assert say(ledger, first, copy) == 1
    assert say(ledger, first) == say(ledger, first) == 0


def test_files_of_two_people_may_have_one_name(ledger: Ledger) -> None:
    anna, bob = in_file(fox("anna"), "/anna/export/labels.csv"), in_file(fox("bob", "wolf"), "/bob/export/labels.csv")
    say(ledger, anna, bob)
    assert say(ledger, anna) == 0, "bob's drive is off"
    assert len(standing(ledger)) == 2


def test_a_table_that_is_saved_again_does_not_become_the_latest_word(ledger: Ledger) -> None:
    anna, ben = in_file(fox("anna"), "anna.csv"), in_file(fox("ben", "wolf", 5), "ben.csv")
    say(ledger, anna, ben)
    assert say(ledger, in_file(fox("anna", minutes=9), "anna.csv", row=7), ben) == 0, "saved for another image"
    assert standing(ledger)[-1] == (0, "ben", "wolf")
    say(ledger, in_file(fox("anna", "hare", 9), "anna.csv"), ben)
    assert standing(ledger)[-1] == (0, "anna", "hare")


def test_an_item_that_is_blank_elsewhere_keeps_what_a_table_that_is_gone_said(ledger: Ledger) -> None:
    other = in_file(fox(), "to_label.csv")
    with ledger.transaction():
        ledger.add_labels([(0, in_file(fox(), "copy.csv")), (1, other)], 1, "csv")
        assert ledger.add_labels([(1, other)], 1, "csv", [0]) == 0
    assert standing(ledger) == [(0, "", "fox"), (1, "", "fox")]


def test_an_image_that_is_moved_out_of_its_class_folder_is_taken_back(ledger: Ledger) -> None:
    say(ledger, in_file(fox(), "fox/001.jpg", row=None), origin="folder")
    assert say(ledger, origin="folder", blank=True) == 1
    assert standing(ledger) == []


def test_what_two_rounds_say_stands_side_by_side(ledger: Ledger) -> None:
    say(ledger, fox("ben"), number=2)
    say(ledger, fox("anna", "hare"), number=1)
    assert standing(ledger) == [(0, "ben", "fox"), (0, "anna", "hare")], "whichever was written last"


def test_taking_back_in_one_round_leaves_what_another_says(ledger: Ledger) -> None:
    say(ledger, fox(), number=1)
    say(ledger, fox(name="hare"), number=2)
    say(ledger, number=1, blank=True)
    assert standing(ledger) == [(0, "", "hare")]
    say(ledger, number=2, blank=True)
    assert standing(ledger) == []


def test_taking_back_the_last_brings_back_what_stood_before(ledger: Ledger) -> None:
    say(ledger, fox(), origin="pool")
    say(ledger, fox(name="hare"))
    say(ledger, blank=True)
    assert standing(ledger) == [(0, "", "fox")]


def test_what_was_answered_goes_before_what_was_known_whenever_that_is_listed(ledger: Ledger) -> None:
    say(ledger, fox("anna", "hare"), number=1)
    with ledger.transaction():
        ledger.add_labels([(0, fox()), (1, fox())], None, "pool")
    assert standing(ledger) == [(0, "anna", "hare"), (1, "", "fox")]
    say(ledger, number=1, blank=True)
    assert standing(ledger) == [(0, "", "fox"), (1, "", "fox")]


def test_where_it_was_read_is_kept(ledger: Ledger) -> None:
    say(ledger, fox("anna"))
    assert ledger.raw_rows("label", ["annotator", "labelled", "file", "row", "digest"]) == [
        ("anna", NOON.isoformat(), "x.csv", None, "ab")
    ]


def test_the_drawn_ones_are_kept(ledger: Ledger) -> None:
    assert [one.audit_keys for one in ledger.stored_rounds()] == [{0, 3}, {0, 3}]


def test_classes_and_when_they_were_first_said(ledger: Ledger) -> None:
    say(ledger, fox(), number=2)
    say(ledger, fox(), key=1, number=1)
    say(ledger, fox(name=UNSURE), key=2, number=2)
    assert decide_labels(find_standing_labels(ledger.stored_labels()), "ask").class_first_rounds == {
        "fox": 1,
        UNSURE: 2,
    }


def test_a_project_from_before_words_goes_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / LEDGER_NAME) as db:
        db.executescript(f"{STEPS[0]} PRAGMA user_version = 1;")
        db.execute("INSERT INTO item (key, id, path, split) VALUES (0, 'a', 'a', 'pool'), (1, 'b', 'b', 'pool')")
        for item, name in ((0, "hare"), (1, "fox"), (0, "fox")):
            db.execute("INSERT INTO label (item, class, origin, at) VALUES (?, ?, 'csv', '')", (item, name))
    db.close()
    with Ledger.open(tmp_path) as ledger:
        assert standing(ledger) == [(0, "", "fox"), (1, "", "fox")]
        with ledger.transaction():
            assert ledger.add_labels([(0, Label("", "fox")), (1, Label("", "hare"))], None, "csv") == 1
        assert standing(ledger) == [(0, "", "fox"), (1, "", "hare")]


def test_a_project_from_before_bursts_goes_on(tmp_path: Path) -> None:
    """Labels that it has were given on the images themselves; new ones may say on which image of a burst."""
    with sqlite3.connect(tmp_path / LEDGER_NAME) as db:
        db.executescript(f"{STEPS[0]} {STEPS[1]} PRAGMA user_version = 2;")
        db.execute("INSERT INTO item (key, id, path, split) VALUES (0, 'a', 'a', 'pool'), (1, 'b', 'b', 'pool')")
        db.execute("INSERT INTO label (item, class, origin, at) VALUES (0, 'fox', 'csv', '')")
    db.close()
    with Ledger.open(tmp_path) as ledger:
        with ledger.transaction():
            ledger.add_labels([(1, Label("a", "fox", "anna"))], None, "web unrequested", labelled_on={1: 0})
        assert [(row.item, row.labelled_on) for row in ledger.stored_labels()] == [(0, 0), (1, 0)]


STATEMENT = st.tuples(st.sampled_from(["", "anna", "ben"]), st.sampled_from(["fox", "hare", UNSURE]))
STEP = st.tuples(
    st.integers(0, 2), st.sampled_from([1, 2]), st.sampled_from(["csv", "pool"]), st.lists(STATEMENT, max_size=3)
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=12))
def test_what_stands_agrees_with_a_dictionary(
    steps: list[tuple[int, int, str, list[tuple[str, str]]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An empty list takes back; what stands is the last word of each source about each round."""
    told: dict[int, dict[tuple[int, str], tuple[int, list[tuple[str, str]]]]] = {}
    with filled(tmp_path_factory.mktemp("words")) as ledger:
        for time, (key, number, origin, said) in enumerate(steps):
            labels = [Label("", name, who) for who, name in said]
            say(ledger, *labels, key=key, number=number, origin=origin, blank=not said)
            kept = list(dict.fromkeys(reversed(said)))[::-1]
            before = told.setdefault(key, {}).get((number, origin), (0, []))[1]
            if kept != before:
                told[key][number, origin] = (time + 1, kept)
        expected = []
        for key in sorted(told):
            words = sorted(word for word in told[key].values() if word[1])
            expected += [(key, *one) for _, said in words for one in said]
        assert standing(ledger) == expected


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 1), st.sampled_from([None, 1, 2]), st.lists(STATEMENT, max_size=3))))
def test_what_stands_is_what_stood_while_sql_decided_it(
    steps: list[tuple[int, int | None, list[tuple[str, str]]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The view is in every ledger still; earlier versions read labels from it."""
    with filled(tmp_path_factory.mktemp("view")) as ledger:
        for key, number, said in steps:
            say(ledger, *(Label("", name, who) for who, name in said), key=key, number=number, blank=not said)
        view = sorted(ledger.raw_rows("current_label", ["item", "n", "annotator", "class"]))
        assert standing(ledger) == [(item, annotator, name) for item, _, annotator, name in view]
