"""What every label source must do, whoever wrote it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image

from alframe.contracts import LabelSource
from alframe.types import UNSURE, Answers, Item, Request

CLASSES = ("fox", "red deer")
# The same base name twice, and names that break careless paths and tables.
NAMES = ("a/IMG_0001.png", "b/IMG_0001.png", "b/größe, 2.png", "c d/IMG 3 (1).png", "c d/x;y.png", "007.png")


class LabelSourceSuite:
    """What every label source must do: give `make`; for a source that people answer, also `answer`.

    If people can take an answer back, give `clear_answers`; if one image can have several answers, `add_answers`.
    """

    def make(self) -> LabelSource:
        """A fresh source with its default parameters."""
        raise NotImplementedError

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        """Do what a person would, after `request`: say for each item id that it is of this class, or UNSURE.

        Ids may be of items in `request.items` that the source was never asked about. None has been answered before.
        """
        raise NotImplementedError

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        """Do what a person does to take these answers back; others in the same round stay."""
        pytest.skip("an answer cannot be taken back")

    def add_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        """Say that each item is of this class as well, which has an answer: another person, another animal in it."""
        pytest.skip("there is room for one answer to an image")

    @pytest.fixture
    def request_(self, tmp_path: Path) -> Request:
        return self.ask(tmp_path)

    def ask(self, folder: Path) -> Request:
        """Six images in a folder's pool, asked for in a folder beside it; the pool's own label is CLASSES in turn."""
        items = tuple(self.image(folder, name, number) for number, name in enumerate(NAMES))
        return Request(3, items, CLASSES, folder / "labels")

    def image(self, folder: Path, name: str, number: int) -> Item:
        """A small image with a content of its own."""
        file = folder / "pool" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(file)
        return Item(name, file, label=CLASSES[number % 2])

    def truth(self, request: Request) -> dict[str, str]:
        return {item.id: str(item.label) for item in request.items}

    def people(self) -> LabelSource:
        """A source that people answer; the test is skipped for one that answers at once."""
        source = self.make()
        if source.answers_now:
            pytest.skip("answers at once")
        return source

    def answered(self, request: Request) -> LabelSource:
        source = self.make()
        source.request(request)
        if not source.answers_now:
            self.answer(request, self.truth(request))
        return source

    def test_the_constructor_touches_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        self.make()
        assert not list(tmp_path.iterdir())

    def test_says_what_to_do(self, request_: Request) -> None:
        assert self.make().request(request_).strip()

    def test_nothing_answered_is_no_label_and_no_problem(self, request_: Request) -> None:
        source = self.people()
        assert not source.collect(request_).labels, "before it was asked"
        source.request(request_)
        answers = source.collect(request_)
        assert not answers.labels
        assert not answers.problems

    def test_every_answer_comes_back(self, request_: Request) -> None:
        answers = self.answered(request_).collect(request_)
        assert not answers.problems
        assert {label.item: label.class_name for label in answers.labels} == self.truth(request_)
        assert len(answers.labels) == len(request_.items), "one label for an item"

    def test_an_answer_says_where_it_was_read(self, request_: Request) -> None:
        for label in self.answered(request_).collect(request_).labels:
            assert not label.file or Path(label.file).exists()
            assert not label.file or re.fullmatch("[0-9a-f]{32}", label.digest), "the BLAKE2b hash of the file"
            assert label.row is None or (label.row >= 1 and label.file)
            assert label.at is None or label.at.tzinfo is not None

    def test_collect_twice_gives_the_same(self, request_: Request) -> None:
        source = self.answered(request_)
        assert _plain(source, request_) == _plain(source, request_)
        assert _plain(source, request_) == _plain(self.make(), request_), "a source remembers nothing"

    def test_collect_only_reads(self, request_: Request) -> None:
        source = self.answered(request_)
        before = _tree(request_.folder)
        source.collect(request_)
        assert _tree(request_.folder) == before

    def test_some_answers(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        some = dict(list(self.truth(request_).items())[1:4])
        self.answer(request_, some)
        assert {label.item: label.class_name for label in source.collect(request_).labels} == some

    def test_asking_again_keeps_the_answers(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        some = dict(list(self.truth(request_).items())[:2])
        self.answer(request_, some)
        before = _tree(request_.folder)
        self.make().request(request_)
        assert _tree(request_.folder) == before
        assert {label.item: label.class_name for label in source.collect(request_).labels} == some

    def test_an_unknown_class_is_a_problem_and_costs_no_other(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        truth = self.truth(request_)
        slip = request_.items[1].id
        self.answer(request_, truth | {slip: "foxx"})
        answers = source.collect(request_)
        assert [problem for problem in answers.problems if problem.file and "foxx" in str(problem)]
        assert {label.item for label in answers.labels} == set(truth) - {slip}

    def test_any_class_is_welcome_while_there_are_none(self, request_: Request) -> None:
        source = self.people()
        request = replace(request_, classes=())
        source.request(request)
        self.answer(request, self.truth(request))
        answers = source.collect(request)
        assert {label.item: label.class_name for label in answers.labels} == self.truth(request)
        assert not answers.problems

    def test_answers_about_other_images_are_no_labels(self, request_: Request, tmp_path: Path) -> None:
        source = self.people()
        source.request(request_)
        other = self.image(tmp_path, "elsewhere/IMG_9999.png", 9)
        wider = replace(request_, items=(*request_.items, other))
        self.answer(wider, self.truth(wider))
        assert {label.item for label in source.collect(request_).labels} == set(self.truth(request_))

    def test_unsure_is_an_answer(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        truth = self.truth(request_) | {request_.items[0].id: UNSURE}
        self.answer(request_, truth)
        assert said(source.collect(request_)) == {item: {name} for item, name in truth.items()}
        assert not source.collect(request_).problems

    def test_an_answer_taken_back_is_cleared(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        truth = self.truth(request_)
        self.answer(request_, truth)
        assert not source.collect(request_).cleared
        back = [item.id for item in request_.items[1:3]]
        self.clear_answers(request_, back)
        answers = source.collect(request_)
        assert sorted(answers.cleared) == sorted(back)
        assert said(answers) == {item: {name} for item, name in truth.items() if item not in back}
        assert not answers.problems

    def test_two_answers_to_one_image_are_both_reported(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        self.answer(request_, self.truth(request_))
        first, second = (item.id for item in request_.items[:2])
        self.add_answers(request_, {first: CLASSES[1], second: CLASSES[0]})
        answers = source.collect(request_)
        expected = {item: {name} for item, name in self.truth(request_).items()}
        assert said(answers) == expected | {first: set(CLASSES), second: set(CLASSES)}
        assert not answers.cleared

    def test_deleted_files_take_nothing_back(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        self.answer(request_, self.truth(request_))
        shutil.rmtree(request_.folder)
        answers = source.collect(request_)
        assert not answers.labels
        assert not answers.cleared
        source.request(request_)
        assert not source.collect(request_).cleared, "asked anew"

    def test_no_answer_is_lost_in_any_order(self) -> None:
        """Answers in two goes, and some taken back where that can be; needs hypothesis."""
        self.people()
        hypothesis = pytest.importorskip("hypothesis")
        names = hypothesis.strategies.sampled_from([None, *CLASSES, UNSURE])
        goes = hypothesis.strategies.lists(names, min_size=len(NAMES), max_size=len(NAMES))
        marks = hypothesis.strategies.lists(hypothesis.strategies.booleans(), min_size=len(NAMES), max_size=len(NAMES))
        few = hypothesis.settings(max_examples=8, deadline=None, database=None, report_multiple_bugs=False)
        few(hypothesis.given(goes, goes, marks)(self._some_answers))()

    def _some_answers(self, first: list[str | None], second: list[str | None], taken_back: list[bool]) -> None:
        with TemporaryDirectory() as folder:
            request, source = self.ask(Path(folder)), self.make()
            source.request(request)
            answered: dict[str, str] = {}
            for go in (first, second):
                pairs = zip(NAMES, go, strict=True)
                new = {item: name for item, name in pairs if name is not None and item not in answered}
                self.answer(request, new)
                answered |= new
                answers = source.collect(request)
                assert said(answers) == {item: {name} for item, name in answered.items()}
                assert not answered.keys() & set(answers.cleared)
                assert not answers.problems
            back = {item for item, mark in zip(NAMES, taken_back, strict=True) if mark and item in answered}
            if not back or len(back) == len(answered):
                return
            try:
                self.clear_answers(request, back)
            except pytest.skip.Exception:
                return
            answers = source.collect(request)
            assert said(answers) == {item: {name} for item, name in answered.items() if item not in back}
            assert back <= set(answers.cleared)
            assert not (answered.keys() - back) & set(answers.cleared)

    def test_the_next_round_starts_empty(self, request_: Request) -> None:
        source = self.people()
        source.request(request_)
        self.answer(request_, self.truth(request_))
        following = replace(request_, round=4)
        source.request(following)
        assert not source.collect(following).labels

    def test_the_pool_is_left_as_it_was(self, request_: Request, tmp_path: Path) -> None:
        before = _tree(tmp_path / "pool")
        self.answered(request_).collect(request_)
        assert _tree(tmp_path / "pool") == before


def said(answers: Answers) -> dict[str, set[str]]:
    """The classes that each item is said to be of."""
    classes: dict[str, set[str]] = {}
    for label in answers.labels:
        classes.setdefault(label.item, set()).add(label.class_name)
    return classes


def _plain(source: LabelSource, request: Request) -> list[list[object]]:
    answers = source.collect(request)
    return [list(answers.labels), list(answers.problems), list(answers.cleared)]


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() if file.is_file() else None
        for file in sorted(folder.rglob("*"))
    }
