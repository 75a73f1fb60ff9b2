from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alframe.errors import LabelError
from alframe.label_sources.simulated import Simulated
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import Item, Request


class TestSimulated(LabelSourceSuite):
    def make(self) -> Simulated:
        return Simulated()


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request(0, tuple(Item(id, tmp_path / id) for id in ("a/1.jpg", "a/2.jpg")), ("fox",), tmp_path / "labels")


def test_the_pool_says_the_truth(request_: Request) -> None:
    request = replace(request_, items=(replace(request_.items[0], label="wolf"), request_.items[1]))
    answers = Simulated().collect(request)
    (label,) = answers.labels
    assert (label.item, label.class_name, label.annotator) == ("a/1.jpg", "wolf", "simulated")
    (problem,) = answers.problems
    assert "'a/2.jpg'" in str(problem)
    assert "label_source.truth" in str(problem)


def test_a_csv_says_the_truth(request_: Request, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("File;Species\na\\1.jpg; 007 \nb/9.jpg;fox\n", encoding="utf-8-sig")
    answers = Simulated(str(truth), path_column="file", label_column="species").collect(request_)
    (label,) = answers.labels
    assert (label.class_name, label.file, label.row) == ("007", str(truth), 2)
    (problem,) = answers.problems
    assert problem.file == str(truth)
    assert "'a/2.jpg'" in problem.message


def test_paths_of_the_truth_are_matched_as_those_of_other_tables(request_: Request, tmp_path: Path) -> None:
    ids = [item.id for item in request_.items]
    truth = tmp_path / "truth.csv"
    for paths in ([id.upper() for id in ids], [f"D:\\set\\{id}" for id in ids], [str(i.path) for i in request_.items]):
        truth.write_text("path,label\n" + "".join(f"{path},fox\n" for path in paths))
        answers = Simulated(truth).collect(request_)
        assert [(label.item, label.class_name) for label in answers.labels] == [(id, "fox") for id in ids]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Put it back"),
        ("path\nx\n", "label"),
        ("path,label\na/1.jpg,fox\na/1.jpg,deer\n", "row 3: 'a/1.jpg' is 'deer', but 'fox' in row 2"),
    ],
)
def test_a_truth_that_cannot_be_used(request_: Request, tmp_path: Path, text: str | None, message: str) -> None:
    truth = tmp_path / "truth.csv"
    if text is not None:
        truth.write_text(text)
    with pytest.raises(LabelError, match=message):
        Simulated(str(truth)).collect(request_)
