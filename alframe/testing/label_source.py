"""The conformance suite of label sources."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alframe.testing.label_source_cases import (
    CLASSES,
    IMAGE_IDS,
    LabelSourceCases,
    classes_by_item,
    comparable_lists,
    file_contents,
)
from alframe.types import UNSURE, Request


class LabelSourceSuite(LabelSourceCases):
    """What every label source must do: give `make`; for a source that people answer, also `answer`.

    If people can take an answer back, give `clear_answers`; if one image can have several answers,
    `add_second_answers`; if answers are read from files with rows, `append_damaged_row`.
    """

    def test_request_says_what_to_do(self, request_: Request) -> None:
        assert self.make().request(request_).strip(), "request() must return a message for people"

    def test_no_answer_is_no_label_and_no_problem(self, request_: Request) -> None:
        if self.make().answers_now:
            pytest.skip("answers at once")
        assert not self.make().collect(request_).labels, "there are labels before it was asked"
        answers = self.requested_source(request_).collect(request_)
        assert not answers.labels and not answers.problems, f"nothing was answered, and collect() gives {answers}"

    def test_every_answer_comes_back(self, request_: Request) -> None:
        answers = self.answered_source(request_).collect(request_)
        assert not answers.problems
        assert {label.item: label.class_name for label in answers.labels} == self.true_classes(request_)
        assert len(answers.labels) == len(request_.items), "each answer must come back once"

    def test_label_says_where_it_was_read(self, request_: Request) -> None:
        started = datetime.now(UTC) - timedelta(seconds=3)  # file systems round the times of files
        source = self.answered_source(request_)
        for label in source.collect(request_).labels:
            assert label.file or source.answers_now, f"{label}: the file that it was read from is not named"
            assert not label.file or self.read_label_file(label.file) is not None, f"{label.file} does not exist"
            assert label.answer_file_hash in self.possible_answer_hashes(label), (
                "answer_file_hash is not of what was read"
            )
            assert label.row is None or (label.row >= 1 and label.file), "row must be at least 1, and of a file"
            if label.row is not None and (line := self.read_row_of_file(Path(label.file), label.row)) is not None:
                assert Path(label.item).name in line and label.class_name in line, (
                    f"row {label.row} of {label.file} is {line!r}, and not about {label.item}: {label.class_name}"
                )
            time = label.labelled_at
            assert time is None or time.tzinfo is not None, "labelled_at must have a time zone"
            assert time is None or started <= time <= datetime.now(UTC), f"labelled_at is {time}, which is not now"

    def test_annotator_is_the_one_who_answered(self, request_: Request) -> None:
        """An annotator's name stands in the file that was read, or in its path, or is a parameter of the source."""
        source = self.answered_source(request_)
        for label in source.collect(request_).labels:
            name = label.annotator
            if not name or source.answers_now or name in map(str, vars(source).values()):
                continue
            content = self.read_label_file(label.file) or b""
            stands = [name in label.file, name.encode() in content, name.encode("utf-16-le") in content]
            assert any(stands), f"nobody called '{name}' has answered {label.item}: nothing in {label.file} says so"

    def test_collect_only_reads_and_gives_the_same_again(self, request_: Request) -> None:
        source = self.answered_source(request_)
        before = file_contents(request_.folder)
        first = comparable_lists(source.collect(request_))
        assert comparable_lists(source.collect(request_)) == first
        assert comparable_lists(self.make().collect(request_)) == first, "a source must remember nothing"
        assert file_contents(request_.folder) == before, "collect() must not write"

    def test_asking_again_keeps_the_answers(self, request_: Request) -> None:
        source = self.requested_source(request_)
        some = dict(list(self.true_classes(request_).items())[1:4])
        self.answer(request_, some)
        assert {label.item: label.class_name for label in source.collect(request_).labels} == some
        before = file_contents(request_.folder)
        self.make().request(request_)
        assert file_contents(request_.folder) == before, "asking again must not change what people answered"
        assert {label.item: label.class_name for label in source.collect(request_).labels} == some

    def test_unknown_class_is_a_problem_and_costs_no_other(self, request_: Request) -> None:
        source, truth = self.requested_source(request_), self.true_classes(request_)
        misspelt = request_.items[1].id
        self.answer(request_, truth | {misspelt: "foxx"})
        answers = source.collect(request_)
        assert [problem for problem in answers.problems if problem.file and "foxx" in str(problem)], (
            "a Problem must name the file and the class that is not known"
        )
        assert {label.item for label in answers.labels} == set(truth) - {misspelt}

    def test_class_in_other_case_is_a_problem(self, request_: Request) -> None:
        source, truth = self.requested_source(request_), self.true_classes(request_)
        shouted = next(id for id, name in truth.items() if name == CLASSES[0])
        self.answer(request_, truth | {shouted: CLASSES[0].upper()})
        answers = source.collect(request_)
        assert classes_by_item(answers) == {id: {name} for id, name in truth.items() if id != shouted}
        problems = [problem for problem in answers.problems if CLASSES[0].upper() in str(problem)]
        assert problems, f"'{CLASSES[0].upper()}' differs from a class in case only: it must be reported"

    @pytest.mark.skipif(os.name == "nt", reason="a folder's name cannot end in a space")
    def test_spaces_around_a_class_do_not_matter(self, request_: Request) -> None:
        source, truth = self.requested_source(request_), self.true_classes(request_)
        spaced = {id: f" {name}  " for id, name in list(truth.items())[:2]}
        self.answer(request_, truth | spaced)
        answers = source.collect(request_)
        assert classes_by_item(answers) == {id: {name} for id, name in truth.items()}
        assert not answers.problems

    def test_new_name_is_a_class_or_a_problem(self, request_: Request) -> None:
        """A name that is like none of the classes is a new one, or is refused; it is never passed over."""
        source, truth = self.requested_source(request_), self.true_classes(request_)
        new = request_.items[2].id
        self.answer(request_, truth | {new: "pine marten"})
        answers = source.collect(request_)
        named = [problem for problem in answers.problems if "pine marten" in str(problem)]
        assert classes_by_item(answers).get(new) == {"pine marten"} or named, (
            "a new class is neither taken nor reported"
        )
        assert classes_by_item(answers).keys() >= truth.keys() - {new}, "it costs other answers"

    def test_any_class_is_accepted_while_there_are_none(self, request_: Request) -> None:
        request = replace(request_, classes=())
        source = self.requested_source(request)
        self.answer(request, self.true_classes(request))
        answers = source.collect(request)
        assert {label.item: label.class_name for label in answers.labels} == self.true_classes(request)
        assert not answers.problems

    def test_answers_about_other_images_are_no_labels(self, request_: Request, tmp_path: Path) -> None:
        source = self.requested_source(request_)
        other = self.write_image(tmp_path, "elsewhere/IMG_9999.png", 9)
        wider = replace(request_, items=(*request_.items, other))
        self.answer(wider, self.true_classes(wider))
        assert {label.item for label in source.collect(request_).labels} == set(self.true_classes(request_))

    def test_unsure_is_an_answer(self, request_: Request) -> None:
        source = self.requested_source(request_)
        given = self.true_classes(request_) | {request_.items[0].id: UNSURE}
        self.answer(request_, given)
        answers = source.collect(request_)
        assert classes_by_item(answers) == {item: {name} for item, name in given.items()}
        assert not answers.problems

    def test_answer_taken_back_is_cleared(self, request_: Request) -> None:
        source, truth = self.requested_source(request_), self.true_classes(request_)
        self.answer(request_, truth)
        assert not source.collect(request_).cleared, "nothing was taken back yet"
        taken_back = [item.id for item in request_.items[1:3]]
        self.clear_answers(request_, taken_back)
        answers = source.collect(request_)
        assert sorted(answers.cleared) == sorted(taken_back)
        assert classes_by_item(answers) == {item: {name} for item, name in truth.items() if item not in taken_back}
        assert not answers.problems

    def test_two_answers_to_one_image_are_both_reported(self, request_: Request) -> None:
        source, truth = self.requested_source(request_), self.true_classes(request_)
        self.answer(request_, truth)
        first, second = (item.id for item in request_.items[:2])
        self.add_second_answers(request_, {first: CLASSES[1], second: CLASSES[0]})
        answers = source.collect(request_)
        expected = {item: {name} for item, name in truth.items()} | {first: set(CLASSES), second: set(CLASSES)}
        assert classes_by_item(answers) == expected, "every answer to an image must be reported, also a second person's"
        assert not answers.cleared, "an image with two answers has one: it is not cleared"

    def test_what_cannot_be_read_is_a_problem_and_clears_nothing(self, request_: Request) -> None:
        """A row that cannot be read may hold the answer to any image."""
        source, truth = self.requested_source(request_), self.true_classes(request_)
        self.answer(request_, truth)
        emptied = [item.id for item in request_.items[1:3]]
        with suppress(pytest.skip.Exception):
            self.clear_answers(request_, emptied)
        before = classes_by_item(source.collect(request_))
        self.append_damaged_row(request_)
        answers = source.collect(request_)
        named = [problem for problem in answers.problems if problem.file]
        assert named, "a Problem must name the file in which something cannot be read"
        assert not answers.cleared, (
            f"{answers.cleared} count as cleared, but what cannot be read may hold their answers: set has_unread_rows "
            f"of AnswerBuilder"
        )
        assert classes_by_item(answers) == before, "the answers that can be read must all be reported"

    def test_deleted_files_take_nothing_back(self, request_: Request) -> None:
        source = self.requested_source(request_)
        self.answer(request_, self.true_classes(request_))
        shutil.rmtree(request_.folder)
        answers = source.collect(request_)
        assert not answers.labels and not answers.cleared, f"the files are gone, and collect() gives {answers}"
        source.request(request_)
        assert not source.collect(request_).cleared, "the round was requested again, and no answer was cleared"

    def test_no_answer_is_lost_in_any_order(self) -> None:
        """Answers come in two goes, and some are taken back where that can be; needs hypothesis."""
        if self.make().answers_now:
            pytest.skip("answers at once")
        hypothesis = pytest.importorskip("hypothesis")
        names = hypothesis.strategies.sampled_from([None, *CLASSES, UNSURE])
        answers = hypothesis.strategies.lists(names, min_size=len(IMAGE_IDS), max_size=len(IMAGE_IDS))
        marks = hypothesis.strategies.lists(
            hypothesis.strategies.booleans(), min_size=len(IMAGE_IDS), max_size=len(IMAGE_IDS)
        )
        few = hypothesis.settings(max_examples=8, deadline=None, database=None, report_multiple_bugs=False)
        few(hypothesis.given(answers, answers, marks)(self._answer_in_two_goes))()

    def _answer_in_two_goes(self, first: list[str | None], second: list[str | None], taken_back: list[bool]) -> None:
        with TemporaryDirectory() as folder:
            request = self.make_request(Path(folder))
            source = self.requested_source(request)
            answered: dict[str, str] = {}
            for names in (first, second):
                pairs = zip(IMAGE_IDS, names, strict=True)
                new = {item: name for item, name in pairs if name is not None and item not in answered}
                self.answer(request, new)
                answered |= new
                answers = source.collect(request)
                assert classes_by_item(answers) == {item: {name} for item, name in answered.items()}
                assert not answered.keys() & set(answers.cleared)
                assert not answers.problems
            cleared = {item for item, mark in zip(IMAGE_IDS, taken_back, strict=True) if mark and item in answered}
            if not cleared or len(cleared) == len(answered):
                return
            try:
                self.clear_answers(request, cleared)
            except pytest.skip.Exception:
                return
            answers = source.collect(request)
            assert classes_by_item(answers) == {item: {name} for item, name in answered.items() if item not in cleared}
            assert cleared <= set(answers.cleared)
            assert not (answered.keys() - cleared) & set(answers.cleared)

    def test_next_round_starts_empty(self, request_: Request) -> None:
        source = self.requested_source(request_)
        self.answer(request_, self.true_classes(request_))
        following = replace(request_, round=4)
        source.request(following)
        assert not source.collect(following).labels, "answers to round 3 were taken for answers to round 4"

    def test_pool_is_left_as_it_was(self, request_: Request, tmp_path: Path) -> None:
        before = file_contents(tmp_path / "pool")
        self.answered_source(request_).collect(request_)
        assert file_contents(tmp_path / "pool") == before, "a source must not change the images"
