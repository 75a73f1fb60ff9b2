"""What a label source says is checked where it comes in, whatever the source did itself."""

from __future__ import annotations

from alframe.loop.answered_classes import clean_class_names
from alframe.types import UNSURE, Label
from tests.each import check_each

CLASSES = ("fox", "none")


def said(*names: str, classes: tuple[str, ...] = CLASSES) -> tuple[list[str], list[str]]:
    labels = [Label(f"{n}.jpg", name, file="answers.csv", row=n + 2) for n, name in enumerate(names)]
    checked, problems = clean_class_names(labels, classes)
    return [label.class_name for label in checked], list(map(str, problems))


def test_classes_come_in_one_spelling() -> None:
    assert said("fox", "Fox", "\u200bfox", "fox ", "none", "Unsure", UNSURE) == (
        ["fox"] * 4 + ["none"] + [UNSURE] * 2,
        [],
    )
    assert said("Hare", "hare", classes=()) == (["Hare", "Hare"], [])


def test_what_is_no_class_is_a_problem_with_file_and_row() -> None:
    def check(name: str) -> None:
        names, (problem,) = said("fox", name)
        assert names == ["fox"] and problem.startswith("answers.csv, row 3: ")

    check_each([(name,) for name in ("#N/A", "=NA()", "nan", "NULL", "-", '["a"]', "fox, hare", "fox + none")], check)
