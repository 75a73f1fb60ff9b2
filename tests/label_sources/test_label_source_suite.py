"""The suite must catch sources that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from alframe.label_sources.csv import Csv
from alframe.label_sources.folder import Folder
from alframe.label_sources.rounds import round_folder
from alframe.testing.label_source import CLASSES, NAMES, LabelSourceSuite
from alframe.types import Answers, Request


class Forgetful(Csv):
    def request(self, request: Request) -> str:
        (round_folder(request) / "to_label.csv").unlink(missing_ok=True)
        return super().request(request)


class Once(Csv):
    def collect(self, request: Request) -> Answers:
        answers = super().collect(request)
        (round_folder(request) / "to_label.csv").unlink(missing_ok=True)
        return answers


class Credulous(Csv):
    def collect(self, request: Request) -> Answers:
        return super().collect(replace(request, classes=()))


class Greedy(Folder):
    def request(self, request: Request) -> str:
        for item in request.items:
            item.path.write_bytes(b"")
        return super().request(request)


class Eager(Csv):
    def __init__(self) -> None:
        super().__init__()
        Path("log.txt").touch()


class Strict(Csv):
    def collect(self, request: Request) -> Answers:
        answers = super().collect(request)
        return answers if len(answers.labels) == len(request.items) else Answers()


@pytest.mark.parametrize(
    ("source", "test"),
    [
        (Forgetful, "test_asking_again_keeps_the_answers"),
        (Once, "test_collect_twice_gives_the_same"),
        (Once, "test_collect_only_reads"),
        (Credulous, "test_an_unknown_class_is_a_problem_and_costs_no_other"),
        (Greedy, "test_the_pool_is_left_as_it_was"),
        (Strict, "test_some_answers"),
    ],
)
def test_the_suite_fails(source: Callable[[], Csv], test: str, tmp_path: Path) -> None:
    class Suite(LabelSourceSuite):
        def make(self) -> Csv:
            return source()

        def answer(self, request: Request, answers: Mapping[str, str]) -> None:
            if source is not Greedy:
                lines = [f'"{path}",{name}\n' for path, name in answers.items()]
                (round_folder(request) / "to_label.csv").write_text("path,label\n" + "".join(lines), encoding="utf-8")

    suite = Suite()
    items = tuple(suite.image(tmp_path, name, number) for number, name in enumerate(NAMES))
    request = Request(3, items, CLASSES, tmp_path / "labels")
    arguments = (request, tmp_path) if test == "test_the_pool_is_left_as_it_was" else (request,)
    with pytest.raises(AssertionError):
        getattr(suite, test)(*arguments)


def test_the_suite_fails_for_a_constructor_that_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Suite(LabelSourceSuite):
        def make(self) -> Csv:
            return Eager()

    with pytest.raises(AssertionError):
        Suite().test_the_constructor_touches_nothing(tmp_path, monkeypatch)
