"""The conformance suite of label sources."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from alframe.testing.label_source_cases import (
    CLASSES,
    HOOKS,
    IMAGE_IDS,
    RULES,
    answers_as_lists,
    assert_answers_without_problems,
    assert_classes,
    assert_cleared,
    classes_by_item,
    file_contents,
)
from alframe.testing.label_source_files import LabelSourceFilesSuite
from alframe.testing.other_process import on_windows
from alframe.types import UNSURE, Request


class LabelSourceSuite(LabelSourceFilesSuite):
    """Tests of every label source. Write a subclass with `make`, and with `answer` if the source asks people.

    If people can delete an answer, also write `clear_answers`. If one image can have several answers, write
    `add_second_answers`. If the answers are rows of files, write `append_damaged_row`.
    """

    def test_request_says_what_to_do(self, request_: Request) -> None:
        assert self.make().request(request_).strip(), "request() must return a message for people"

    def test_no_answer_is_no_label_and_no_problem(self, request_: Request) -> None:
        if self.make().answers_now:
            pytest.skip("answers at once")
        assert not self.make().collect(request_).labels, "collect() gives labels before request() was called"
        answers = self.requested_source_or_skip(request_).collect(request_)
        assert not answers.labels and not answers.problems, f"nothing was answered, and collect() gives {answers}"

    def test_every_answer_comes_back(self, request_: Request) -> None:
        answers = self.answered_source(request_).collect(request_)
        assert_answers_without_problems(answers, self.true_classes(request_), "an answer to each image")
        count = len(answers.labels)
        assert count == len(request_.items), f"each of {len(request_.items)} answers must come back once, not {count}"

    def test_label_says_where_it_was_read(self, request_: Request) -> None:
        started = datetime.now(UTC) - timedelta(seconds=3)  # file systems round the times of files
        source = self.answered_source(request_)
        for label in source.collect(request_).labels:
            assert label.file or source.answers_now, f"{label}: the file that it was read from is not named"
            exists = not label.file or self.read_label_bytes(label.file) is not None
            assert exists, f"{label.file} does not exist. {HOOKS}"
            assert label.answer_file_hash in self.possible_answer_file_hashes(label), (
                f"answer_file_hash of {label.item} is {label.answer_file_hash!r}, which is not the hash of "
                f'{label.file!r}: use alframe.kit.files.hash_if_readable(file), or "" without a file. {HOOKS}'
            )
            assert label.row is None or (label.row >= 1 and label.file), (
                f"row of {label.item} is {label.row} of the file {label.file!r}: rows begin with 1, and need a file"
            )
            if (line := self.row_text(label)) is not None:
                assert Path(label.item).name in line and label.class_name in line, (
                    f"row {label.row} of {label.file} is {line!r}, and not about {label.item}: {label.class_name}. "
                    f"{HOOKS}"
                )
            time = label.labelled_at
            assert time is None or time.tzinfo is not None, (
                f"labelled_at of {label.item} is {time}, and must have a time zone: alframe.kit.tables.time_saved(file)"
            )
            assert time is None or started <= time <= datetime.now(UTC), f"labelled_at is {time}, which is not now"

    def test_annotator_is_the_one_who_answered(self, request_: Request) -> None:
        source = self.answered_source(request_)
        self.assert_annotators(source, source.collect(request_))

    def test_collect_only_reads_and_gives_the_same_again(self, request_: Request) -> None:
        source = self.answered_source(request_)
        before = file_contents(request_.folder)
        first = answers_as_lists(source.collect(request_))
        second, other = answers_as_lists(source.collect(request_)), answers_as_lists(self.make().collect(request_))
        assert second == first, f"nobody has answered since, and collect() gives first {first}, then {second}"
        assert other == first, f"a source must remember nothing, and a new one gives {other} instead of {first}"
        _assert_unchanged(request_.folder, before, "collect() must only read")

    def test_asking_again_keeps_the_answers(self, request_: Request) -> None:
        source = self.requested_source_or_skip(request_)
        some = dict(list(self.true_classes(request_).items())[1:4])
        self.answer(request_, some)
        assert_classes(source.collect(request_), some, "answers to three images")
        before = file_contents(request_.folder)
        self.make().request(request_)
        _assert_unchanged(request_.folder, before, "a second request() must not change what people answered")
        assert_classes(source.collect(request_), some, "a second request()")

    def test_unknown_class_is_a_problem_and_costs_no_other(self, request_: Request) -> None:
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        misspelt = request_.items[1].id
        self.answer(request_, truth | {misspelt: "foxx"})
        answers = source.collect(request_)
        assert [problem for problem in answers.problems if problem.file and "foxx" in str(problem)], (
            f"'foxx' is a typing error of 'fox': a Problem must name it and its file, and there are "
            f"{list(map(str, answers.problems))}. alframe.kit.answers.AnswerBuilder reports it"
        )
        assert_classes(answers, _without(truth, [misspelt]), "an answer 'foxx' among others")

    def test_class_in_other_case_is_a_problem(self, request_: Request) -> None:
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        shouted = next(id for id, name in truth.items() if name == CLASSES[0])
        self.answer(request_, truth | {shouted: CLASSES[0].upper()})
        answers = source.collect(request_)
        assert_classes(answers, _without(truth, [shouted]), f"an answer '{CLASSES[0].upper()}' among others")
        problems = [problem for problem in answers.problems if CLASSES[0].upper() in str(problem)]
        assert problems, (
            f"'{CLASSES[0].upper()}' differs from a class in case only: a Problem must name it. "
            f"alframe.kit.answers.AnswerBuilder reports it"
        )

    @pytest.mark.skipif(os.name == "nt", reason="a folder's name cannot end in a space")
    def test_spaces_around_a_class_do_not_matter(self, request_: Request) -> None:
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        spaced = {id: f" {name}  " for id, name in list(truth.items())[:2]}
        self.answer(request_, truth | spaced)
        answers = source.collect(request_)
        assert_answers_without_problems(answers, truth, "two answers with spaces around the class")

    def test_new_name_is_a_class_or_a_problem(self, request_: Request) -> None:
        """A name that is like none of the classes is a new one, or is refused; it is never passed over."""
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        new = request_.items[2].id
        self.answer(request_, truth | {new: "pine marten"})
        answers = source.collect(request_)
        named = [problem for problem in answers.problems if "pine marten" in str(problem)]
        assert classes_by_item(answers).get(new) == {"pine marten"} or named, (
            f"'pine marten' is like none of the classes: it must become a label, or be named in a Problem. {RULES}"
        )
        others = replace(answers, labels=[label for label in answers.labels if label.item != new])
        assert_classes(others, _without(truth, [new]), "an answer with a new class among others")

    def test_names_of_classes_in_any_language(self, request_: Request) -> None:
        """Files are in UTF-8, also on a machine whose own encoding lacks some of the letters, as Windows has."""
        names = {CLASSES[0]: "Füchsin", CLASSES[1]: "アカシカ"}
        request = replace(request_, classes=tuple(names.values()))
        truth = {item: names[name] for item, name in self.true_classes(request).items()}
        with on_windows():
            source = self.requested_source_or_skip(request)
        self.answer(request, truth)
        with on_windows():
            answers = source.collect(request)
        after = "answers with letters of other languages, read as on Windows (open files with encoding='utf-8')"
        assert_answers_without_problems(answers, truth, after)

    def test_any_class_is_accepted_while_there_are_none(self, request_: Request) -> None:
        request = replace(request_, classes=())
        source = self.requested_source_or_skip(request)
        self.answer(request, self.true_classes(request))
        answers = source.collect(request)
        assert_answers_without_problems(answers, self.true_classes(request), "answers while no class is known")

    def test_answers_about_other_images_are_no_labels(self, request_: Request, tmp_path: Path) -> None:
        source = self.requested_source_or_skip(request_)
        other = self.write_item(tmp_path, "elsewhere/IMG_9999.png", 9)
        wider = replace(request_, items=(*request_.items, other))
        self.answer(wider, self.true_classes(wider))
        answers = source.collect(request_)
        assert_classes(answers, self.true_classes(request_), "an answer about an image not requested")
        named = {*answers.cleared, *answers.incomplete} - {item.id for item in request_.items}
        assert not named, f"cleared and incomplete name {sorted(named)}, which was not requested"

    def test_unsure_is_an_answer(self, request_: Request) -> None:
        source = self.requested_source_or_skip(request_)
        given = self.true_classes(request_) | {request_.items[0].id: UNSURE}
        self.answer(request_, given)
        answers = source.collect(request_)
        assert_answers_without_problems(answers, given, f"an answer '{UNSURE}' among others")

    def test_answer_taken_back_is_cleared(self, request_: Request) -> None:
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        self.answer(request_, truth)
        assert_cleared(source.collect(request_), [], "an answer to each image")
        taken_back = [item.id for item in request_.items[1:3]]
        self.clear_answers(request_, taken_back)
        answers = source.collect(request_)
        assert_cleared(answers, taken_back, "two answers were taken back")
        assert_answers_without_problems(answers, _without(truth, taken_back), "two answers were taken back")

    def test_two_answers_to_one_image_are_both_reported(self, request_: Request) -> None:
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        self.answer(request_, truth)
        first, second = (item.id for item in request_.items[:2])
        self.add_second_answers(request_, {first: CLASSES[1], second: CLASSES[0]})
        answers = source.collect(request_)
        expected = truth | {first: set(CLASSES), second: set(CLASSES)}
        assert_classes(answers, expected, "a second person gave different answers to two images")
        assert_cleared(answers, [], "a second person has answered about two images")
        self.assert_annotators(source, answers)

    def test_deleted_files_take_nothing_back(self, request_: Request) -> None:
        source = self.requested_source_or_skip(request_)
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
        few(hypothesis.given(answers, answers, marks)(self._answer_in_two_steps))()

    def _answer_in_two_steps(self, first: list[str | None], second: list[str | None], taken_back: list[bool]) -> None:
        with TemporaryDirectory() as folder:
            request = self.make_request(Path(folder))
            source = self.requested_source_or_skip(request)
            answered: dict[str, str] = {}
            for names in (first, second):
                pairs = zip(IMAGE_IDS, names, strict=True)
                new = {item: name for item, name in pairs if name is not None and item not in answered}
                self.answer(request, new)
                answered |= new
                answers = source.collect(request)
                after = f"answers in two parts, {first} and {second}"
                assert_answers_without_problems(answers, answered, after)
                assert_cleared(replace(answers, cleared=sorted(answered.keys() & {*answers.cleared})), [], after)
            cleared = {item for item, mark in zip(IMAGE_IDS, taken_back, strict=True) if mark and item in answered}
            if not cleared or len(cleared) == len(answered):
                return
            try:
                self.clear_answers(request, cleared)
            except pytest.skip.Exception:
                return
            answers = source.collect(request)
            after = f"answers {answered}, of which {sorted(cleared)} were taken back"
            assert_classes(answers, _without(answered, cleared), after)
            assert_cleared(replace(answers, cleared=sorted(answered.keys() & {*answers.cleared})), cleared, after)

    def test_next_round_starts_empty(self, request_: Request) -> None:
        source = self.requested_source_or_skip(request_)
        self.answer(request_, self.true_classes(request_))
        following = replace(request_, round=4)
        source.request(following)
        labels = source.collect(following).labels
        assert not labels, (
            f"answers to round 3 were taken for answers to round 4: {[label.item for label in labels]}. Read only the "
            f"files of the round: alframe.kit.round_folders.round_folder(request)"
        )

    def test_pool_is_left_as_it_was(self, request_: Request, tmp_path: Path) -> None:
        before = file_contents(tmp_path / "pool")
        self.answered_source(request_).collect(request_)
        _assert_unchanged(tmp_path / "pool", before, "a source must not change the images")


def _assert_unchanged(folder: Path, before: Mapping[str, bytes | None], rule: str) -> None:
    after = file_contents(folder)
    changed = sorted(name for name in {**before, **after} if before.get(name, "") != after.get(name, ""))
    assert not changed, f"{rule}, and these files in {folder} differ: {', '.join(changed)}"


def _without(classes: Mapping[str, str], ids: Collection[str]) -> dict[str, str]:
    return {item: name for item, name in classes.items() if item not in ids}
