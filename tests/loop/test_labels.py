"""Answers that differ are settled by the rule, and always reported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alframe.loop.labels import decide_labels, describe_conflict, propagate_within_sequences
from alframe.settings.campaign import CONFLICT_RULES
from alframe.store.records import StoredLabel
from alframe.types import UNSURE, Item, ItemColumns


def said(name: str, by: str = "", hour: int | None = None, file: str = "a.csv", item: int = 0) -> StoredLabel:
    at = None if hour is None else datetime(2026, 5, 1, hour, tzinfo=UTC).isoformat()
    return StoredLabel(0, 0, 0, item, 1, "csv", name, by, at, file, 2, "", item)


def verdicts(*labels: StoredLabel) -> list[str]:
    """The class that counts by each of the rules; "" for none."""
    settled = [decide_labels(labels, rule) for rule in CONFLICT_RULES]
    return [one.counted[0].class_name if one.counted else "" for one in settled]


def test_one_answer_counts_whatever_the_rule() -> None:
    assert verdicts(said("fox")) == ["fox"] * 3
    assert not decide_labels([said("fox")], "ask").conflicts


def test_two_annotators_who_agree() -> None:
    assert verdicts(said("fox", "anna"), said("fox", "ben")) == ["fox"] * 3
    assert not decide_labels([said("fox", "anna"), said("fox", "ben")], "ask").conflicts


def test_two_annotators_who_do_not() -> None:
    both = (said("fox", "anna"), said("hare", "ben"))
    assert verdicts(*both) == ["", "hare", ""]
    for rule in CONFLICT_RULES:
        assert list(decide_labels(both, rule).conflicts) == [0], "reported, whatever counts"


def test_three_annotators_have_a_majority_and_ask_wants_all() -> None:
    assert verdicts(said("fox", "anna"), said("fox", "ben"), said("hare", "cleo")) == ["", "hare", "fox"]


def test_two_animals_in_one_picture() -> None:
    assert verdicts(said("fox"), said("hare")) == ["", "hare", ""]


def test_a_later_file_of_the_same_annotator_is_a_correction_and_is_reported() -> None:
    both = (said("fox", hour=8), said("hare", hour=9, file="b.csv"))
    assert verdicts(*both) == ["hare"] * 3
    assert list(decide_labels(both, "ask").conflicts) == [0]


def test_files_without_times_are_not_later_than_each_other() -> None:
    assert verdicts(said("fox"), said("hare", file="b.csv"))[0] == ""


def test_a_later_file_of_somebody_else_is_no_correction() -> None:
    assert verdicts(said("fox", "anna", 8), said("hare", "ben", 9, "b.csv"))[0] == ""


def test_who_is_unsure_leaves_it_to_the_others() -> None:
    assert verdicts(said(UNSURE, "anna"), said("fox", "ben")) == ["fox"] * 3
    settled = decide_labels([said(UNSURE, "anna"), said(UNSURE, "ben")], "ask")
    assert (settled.counted, settled.unsure_rounds, settled.labelled_or_unsure) == ([], {0: {1}}, {0})
    assert (settled.settled_for_round(1), settled.settled_for_round(2)) == ({0}, set())


def test_an_image_with_a_conflict_is_not_answered_and_a_counted_one_is() -> None:
    labels = [said("fox", "anna"), said("hare", "ben"), said("fox", item=1), said(UNSURE, item=2)]
    assert decide_labels(labels, "ask").labelled_or_unsure == {1, 2}
    assert decide_labels(labels, "latest").labelled_or_unsure == {0, 1, 2}


def test_a_conflict_in_words() -> None:
    both = [said("fox", "anna"), said("hare", "ben", file="b.csv")]
    item = Item("s1/a.jpg", Path("a.jpg"))
    words = describe_conflict(item, both, None)
    assert "'s1/a.jpg' is 'fox' by anna (a.csv, row 2) and 'hare' by ben (b.csv, row 2)." in words
    assert "conflicts=latest" in words
    assert "correct one, or" in words
    in_browser = [label._replace(origin="web") for label in both]
    assert "correct one in Review on the label page, or" in describe_conflict(item, in_browser, None)
    assert describe_conflict(item, both, both[1]).endswith("'hare' counts.")


def test_a_label_for_the_whole_sequence() -> None:
    items = [
        Item(f"{n}.jpg", Path(f"{n}.jpg"), sequence=sequence, split="test" if n == 3 else "pool")
        for n, sequence in enumerate(["a", "a", "a", "a", "b", "b", "b", None, None, "c", "c"])
    ]
    counted = [said("fox", item=0), said("hare", item=4), said("fox", item=5), said("fox", item=7)]
    counted.append(said("hare", item=9))
    more = propagate_within_sequences(decide_labels(counted, "ask"), ItemColumns.of(items))
    assert [(one.item, one.class_name, one.labelled_on, one.origin) for one in more] == [
        (1, "fox", 0, "propagated"),
        (2, "fox", 0, "propagated"),
        (10, "hare", 9, "propagated"),
    ], "not to the held-out one, not where a sequence's labels differ, not without a sequence"


def test_no_label_for_what_somebody_could_not_tell_nor_beside_a_conflict() -> None:
    items = [Item(f"{n}.jpg", Path(f"{n}.jpg"), sequence="ab"[n // 3]) for n in range(6)]
    conflicts = [said("fox", "anna", item=4), said("hare", "ben", item=4)]
    standing = [said("fox", item=0), said(UNSURE, item=1), said("fox", item=3), *conflicts]
    assert [one.item for one in propagate_within_sequences(decide_labels(standing, "ask"), ItemColumns.of(items))] == [
        2
    ]
