"""Which labels are reported, and which items are cleared: no answer of a person may be lost."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from alframe.kit.answers import AnswerBuilder
from alframe.types import Answers, Item, Label, Problem

ITEMS = tuple(Item(name, Path(name)) for name in ("a", "b", "c"))
FILES = ("1.csv", "2.csv")
CELLS = st.dictionaries(
    st.tuples(st.sampled_from(FILES), st.sampled_from("abc")), st.sampled_from(["", "fox", "deer", "foxx", "unsure"])
)


def build(cells: dict[tuple[str, str], str], reissued: set[str] = frozenset(), lacks: bool = False) -> Answers:
    builder = AnswerBuilder(("fox", "deer"), "ask", reissued=reissued, has_unread_rows=lacks)
    for row, ((file, item), name) in enumerate(cells.items(), 1):
        if name:
            builder.add(Label(item, name, file=file, row=row))
        else:
            builder.add_unanswered(file, item)
    return builder.build(ITEMS, order=lambda label: label.row or 0)


@given(CELLS, st.sets(st.sampled_from("abc")))
def test_every_cell_is_a_label_or_a_problem_and_only_what_is_empty_everywhere_is_cleared(
    cells: dict[tuple[str, str], str], reissued: set[str]
) -> None:
    answers = build(cells, reissued)
    written = [(item, name, file) for (file, item), name in cells.items() if name]
    assert sorted((label.item, label.class_name, label.file) for label in answers.labels) == sorted(
        cell for cell in written if cell[1] != "foxx"
    )
    assert len(answers.problems) == sum(name == "foxx" for _, name, _ in written)
    answered = {file for _, _, file in written}
    empty = {item for (file, item), name in cells.items() if not name and file in answered}
    assert set(answers.cleared) == empty - {item for item, _, _ in written} - reissued
    assert not build(cells, reissued, lacks=True).cleared


def test_a_file_that_answers_about_other_images_clears_too() -> None:
    builder = AnswerBuilder(("fox",), "ask")
    builder.add_unanswered("1.csv", "a")
    assert not builder.build(ITEMS, order=str).cleared
    builder.answered_files.add("1.csv")
    assert builder.build(ITEMS, order=str).cleared == ["a"]


def test_an_empty_file_in_a_folder_with_a_file_for_each_image_clears() -> None:
    builder = AnswerBuilder(("fox",), "ask")
    builder.add(Label("b", "fox", file="round/b.txt"), place="round")
    builder.add_unanswered("round", "a")
    assert builder.build(ITEMS, order=str).cleared == ["a"]


def test_labels_come_in_the_order_of_the_items_and_then_as_they_were_sorted() -> None:
    answers = build({("1.csv", "b"): "fox", ("2.csv", "a"): "deer", ("1.csv", "a"): "fox"})
    assert [(label.item, label.row) for label in answers.labels] == [("a", 2), ("a", 3), ("b", 1)]


def test_a_word_for_nothing_is_a_class_where_it_is_allowed() -> None:
    for allowed, count in (((), 0), (("None",), 1)):
        builder = AnswerBuilder((), "ask", allowed=allowed)
        builder.add(Label("a", "None", file="1.csv", row=1))
        answers = builder.build(ITEMS, order=str)
        assert len(answers.labels) == count and len(answers.problems) == 1 - count


def test_answers_about_other_items_are_left_out() -> None:
    builder = AnswerBuilder(("fox",), "ask")
    builder.add(Label("z", "fox", file="1.csv"))
    builder.add_unanswered("1.csv", "y")
    assert builder.build(ITEMS, order=str) == Answers([], [], cleared=[])


def test_a_problem_names_the_image_if_it_is_given() -> None:
    builder = AnswerBuilder(("fox",), "reject")
    builder.add(Label("a", "lynx", file="x.ddb", row=4), problem_prefix="A/1.JPG")
    (problem,) = builder.build(ITEMS, order=str).problems
    assert (problem.file, problem.row) == ("x.ddb", 4)
    assert problem.message.startswith("'A/1.JPG': 'lynx' is not one of the classes.")
    assert isinstance(problem, Problem)
