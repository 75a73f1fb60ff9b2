"""What every label source must do, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.contracts import LabelSource
from alframe.types import Item, Request

CLASSES = ("fox", "red deer")
# The same base name twice, and names that break careless paths and tables.
NAMES = ("a/IMG_0001.png", "b/IMG_0001.png", "b/größe, 2.png", "c d/IMG 3 (1).png", "c d/x;y.png", "007.png")


class LabelSourceSuite:
    """Subclass it and give `make`; for a source that people answer, also `answer`."""

    def make(self) -> LabelSource:
        """A fresh source with its default parameters."""
        raise NotImplementedError

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        """Do what a person would, after `request`: say for each item id that it is of this class.

        Ids may be of items in `request.items` that the source was never asked about.
        """
        raise NotImplementedError

    @pytest.fixture
    def request_(self, tmp_path: Path) -> Request:
        """Six images in a pool folder, asked for in a folder beside it; the pool's own label is CLASSES in turn."""
        items = tuple(self.image(tmp_path, name, number) for number, name in enumerate(NAMES))
        return Request(3, items, CLASSES, tmp_path / "labels")

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


def _plain(source: LabelSource, request: Request) -> tuple[list[object], list[object]]:
    answers = source.collect(request)
    return list(answers.labels), list(answers.problems)


def _tree(folder: Path) -> dict[str, bytes | None]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() if file.is_file() else None
        for file in sorted(folder.rglob("*"))
    }
