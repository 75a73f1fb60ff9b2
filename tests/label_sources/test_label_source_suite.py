"""The suite must catch sources that are wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from alframe.kit.round_folders import round_folder
from alframe.label_sources.csv.source import Csv
from alframe.label_sources.folder.source import Folder
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import UNSURE, Answers, Request


@pytest.fixture
def no_shrinking() -> Iterator[None]:
    """A failure that is wanted need not be made small."""
    settings.register_profile("no shrinking", phases=[Phase.generate])
    settings.load_profile("no shrinking")
    yield
    settings.load_profile("default")


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


class Changed(Csv):
    """Gives other answers than were found."""

    def collect(self, request: Request) -> Answers:
        return self.change(super().collect(request), request)

    def change(self, answers: Answers, request: Request) -> Answers:
        raise NotImplementedError


class Dismissive(Changed):
    def change(self, answers: Answers, request: Request) -> Answers:
        return replace(answers, labels=[label for label in answers.labels if label.class_name != UNSURE])


class Decided(Changed):
    def change(self, answers: Answers, request: Request) -> Answers:
        return replace(answers, labels=list({label.item: label for label in answers.labels}.values()))


class Stubborn(Changed):
    def change(self, answers: Answers, request: Request) -> Answers:
        return replace(answers, cleared=())


class Hasty(Changed):
    def change(self, answers: Answers, request: Request) -> Answers:
        answered = {label.item for label in answers.labels}
        return replace(answers, cleared=[item.id for item in request.items if item.id not in answered])


class Anonymous(Changed):
    def change(self, answers: Answers, request: Request) -> Answers:
        return replace(answers, labels=[replace(label, answer_file_hash="") for label in answers.labels])


class Lossy(Changed):
    def change(self, answers: Answers, request: Request) -> Answers:
        return replace(answers, labels=answers.labels[:1])


@pytest.mark.parametrize(
    ("source", "test"),
    [
        (Dismissive, "test_unsure_is_an_answer"),
        (Decided, "test_two_answers_to_one_image_are_both_reported"),
        (Stubborn, "test_answer_taken_back_is_cleared"),
        (Hasty, "test_deleted_files_take_nothing_back"),
        (Anonymous, "test_label_says_where_it_was_read"),
        (Lossy, "test_no_answer_is_lost_in_any_order"),
        (Forgetful, "test_asking_again_keeps_the_answers"),
        (Once, "test_collect_only_reads_and_gives_the_same_again"),
        (Credulous, "test_unknown_class_is_a_problem_and_costs_no_other"),
        (Greedy, "test_pool_is_left_as_it_was"),
        (Strict, "test_asking_again_keeps_the_answers"),
    ],
)
@pytest.mark.usefixtures("no_shrinking")
def test_the_suite_fails(source: Callable[[], Csv], test: str, tmp_path: Path) -> None:
    class Suite(LabelSourceSuite):
        def make(self) -> Csv:
            return source()

        def answer(self, request: Request, answers: Mapping[str, str]) -> None:
            if source is not Greedy:
                self.write(request, answers, "to_label.csv")

        def clear_answers(self, request: Request, ids: Collection[str]) -> None:
            file = round_folder(request) / "to_label.csv"
            for id in ids:
                file.write_text(re.sub(f'"{re.escape(id)}",.*', f'"{id}",', file.read_text("utf-8")), "utf-8")

        def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
            self.write(request, answers, "more.csv")

        def write(self, request: Request, answers: Mapping[str, str], name: str) -> None:
            lines = [f'"{path}",{name}\n' for path, name in answers.items()]
            file = round_folder(request) / name
            before = file.read_text("utf-8") if file.exists() else ""
            start = before if before.startswith("path,label\n") else "path,label\n"
            file.write_text(start + "".join(lines), encoding="utf-8")

    suite = Suite()
    request = suite.make_request(tmp_path)
    arguments = {"request_": request, "tmp_path": tmp_path}
    wanted = inspect.signature(getattr(suite, test)).parameters
    with pytest.raises(AssertionError):
        getattr(suite, test)(*(arguments[name] for name in wanted))


def test_the_suite_fails_for_a_constructor_that_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Suite(LabelSourceSuite):
        def make(self) -> Csv:
            return Eager()

    with pytest.raises(AssertionError):
        Suite().test_constructor_writes_nothing(tmp_path, monkeypatch)
