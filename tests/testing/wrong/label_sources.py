"""Label sources that are wrong."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from alframe.kit.answers import AnswerBuilder
from alframe.kit.files import content_hash, flat_file_name
from alframe.kit.round_folders import marking_round_asked, round_folder
from alframe.kit.tables import time_saved
from alframe.label_sources.csv.source import Csv
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import UNSURE, Answers, Label, Problem
from tests.testing.wrong import wrong


class Changed(Csv):
    """Gives answers other than those that were found."""

    def collect(self, request):
        answers = super().collect(request)
        labels = [self.change(label) for label in answers.labels]
        return replace(answers, labels=[label for label in labels if label is not None])

    def change(self, label):
        return label


class DigestOfTheName(Changed):
    def change(self, label):
        return replace(label, answer_file_hash=hashlib.blake2b(label.file.encode(), digest_size=16).hexdigest())


class DigestOfTheSize(Changed):
    def change(self, label):
        size = str(Path(label.file).stat().st_size).encode()
        return replace(label, answer_file_hash=hashlib.blake2b(size, digest_size=16).hexdigest())


class OneRowOff(Changed):
    def change(self, label):
        return replace(label, row=label.row - 1)


class RowsWithoutTheHeading(Changed):
    def change(self, label):
        return replace(label, row=label.row + 1)


class WrongAnnotator(Changed):
    def change(self, label):
        return replace(label, annotator="the owner")


class LocalTime(Changed):
    """The clock's time with the wrong zone."""

    def change(self, label):
        return replace(label, labelled_at=datetime.now(UTC) - timedelta(hours=2))


class TimeOfThePicture(Changed):
    def change(self, label):
        return replace(label, labelled_at=datetime(2019, 5, 1, tzinfo=UTC))


class NoFile(Changed):
    def change(self, label):
        return replace(label, file="", row=None, answer_file_hash="")


class AnyCase(Changed):
    """Takes FOX for fox."""

    def collect(self, request):
        answers = super().collect(replace(request, classes=(*request.classes, *map(str.upper, request.classes))))
        labels = [replace(label, class_name=label.class_name.lower()) for label in answers.labels]
        return Answers(labels, answers.problems, answers.cleared)


class PassesOverNewNames(Csv):
    def collect(self, request):
        answers = super().collect(request)
        known = {*request.classes, UNSURE} if request.classes else {label.class_name for label in answers.labels}
        return replace(answers, labels=[label for label in answers.labels if label.class_name in known])


class SilentAboutTypingErrors(Csv):
    def collect(self, request):
        return replace(super().collect(request), problems=())


class UnsureIsEmpty(Changed):
    def change(self, label):
        return None if label.class_name == UNSURE else label


class Seeds(Csv):
    def collect(self, request):
        np.random.seed(0)  # noqa: NPY002 - the fault
        return super().collect(request)


class ChangesFolder(Csv):
    def request(self, request):
        message = super().request(request)
        os.chdir(request.folder)
        return message


class KeepsSpaces(Csv):
    """Looks a name up as it was typed."""

    def collect(self, request):
        answers = super().collect(request)
        spaced = {label.item for label in answers.labels if f", {label.class_name}" in self.line(label)}
        spaced |= {label.item for label in answers.labels if f"{label.class_name}  " in self.line(label)}
        return replace(answers, labels=[label for label in answers.labels if label.item not in spaced])

    def line(self, label):
        return Path(label.file).read_text(encoding="utf-8").splitlines()[label.row - 1]


class SilentAboutUnreadRows(Csv):
    def collect(self, request):
        return replace(super().collect(request), problems=())


class ClearsAmongUnreadRows(Csv):
    """Takes a cell for empty although a row of the file cannot be read."""

    def collect(self, request):
        answers = super().collect(request)
        text = (round_folder(request) / "to_label.csv").read_text("utf-8")
        return replace(answers, cleared=[item.id for item in request.items if f'"{item.id}",\n' in text])


class StopsAtUnreadRows(Csv):
    def collect(self, request):
        answers = super().collect(request)
        return replace(answers, labels=[] if answers.problems else answers.labels)


class ClearsNothing(Csv):
    def collect(self, request):
        return replace(super().collect(request), cleared=())


class ClearsWithoutAReason(Csv):
    def collect(self, request):
        answers = super().collect(request)
        return replace(answers, cleared=[label.item for label in answers.labels[:1]])


class FilePerImage:
    """Has a text file for each image, which holds its class."""

    answers_now = False

    def request(self, request):
        with marking_round_asked(request) as asked_before:
            for file in [] if asked_before else self.files(request).values():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
        return f"Write the class of each image into its file in {round_folder(request)}."

    def collect(self, request):
        builder = AnswerBuilder(request.classes, "ask")
        for item, file in self.files(request).items():
            name = file.read_text("utf-8").strip() if file.exists() else None
            if name:
                label = Label(item, name, "", time_saved(file), str(file), None, content_hash(file))
                builder.add(label, place=self.place(file))
            elif name is not None:
                builder.add_unanswered(self.place(file), item)
        return builder.build(request.items, order=lambda label: label.file)

    def files(self, request):
        return {item.id: round_folder(request) / f"{flat_file_name(item.id)}.txt" for item in request.items}

    def place(self, file):
        return str(file.parent)


class EachFileIsAPlace(FilePerImage):
    """An empty file has no label, so it clears nothing."""

    def place(self, file):
        return str(file)


class Table:
    """Right as it is: a list of paths and classes, which people save with any program, and Ann her own."""

    answers_now = False
    encoding = "utf-8"

    def request(self, request):
        file = round_folder(request) / "to_label.csv"
        with marking_round_asked(request):
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("path,label\n", self.encoding)
        return f"Write each path and its class into {file}."

    def collect(self, request):
        self.builder = builder = AnswerBuilder(request.classes, "ask")
        for file in sorted(round_folder(request).glob("*.csv")):
            rows = self.rows(file)
            for number, text in enumerate(rows[1:], start=2):
                if not self.add(builder, file, number, text):
                    builder.problems.append(Problem(str(file), number, "The row cannot be read. Correct it."))
                    builder.has_unread_rows = True
                    if self.stops:
                        break
        return builder.build(request.items, order=lambda label: (label.file, label.row))

    stops = False

    def rows(self, file):
        try:
            return file.read_text(self.encoding).splitlines()
        except UnicodeDecodeError:
            return file.read_text("cp1252").splitlines()

    def add(self, builder, file, number, text):
        match = re.fullmatch(r'"(.+?)",([^,]*),?([^,]*)', text)
        if match and (name := match[2].strip()):
            by = self.annotator(file, match[3])
            builder.add(Label(match[1], name, by, time_saved(file), str(file), number, content_hash(file)))
        elif match:
            builder.add_unanswered(str(file), match[1])
        return match

    def annotator(self, file, name):
        return name


class BelowInstructions(Table):
    """Right as it is: instructions stand above the heading, and nothing is read without the heading."""

    def add(self, builder, file, number, text):
        if number > 4:
            return super().add(builder, file, number, text)
        self.stops = text != ["# Write the class.", "# Ask Ann if you do not know it.", "path,label"][number - 2]
        return not self.stops


class StopsInTheMiddle(Table):
    stops = True


class MergesAnnotators(Table):
    def annotator(self, file, name):
        return "Ann" if "Ann" in file.read_text("utf-8") else ""


class EncodingOfTheMachine(Table):
    encoding = None


class ExpectsUtf8(Table):
    def rows(self, file):
        return file.read_text("utf-8").splitlines()


class ExpectsAHeading(Table):
    def rows(self, file):
        rows = super().rows(file)
        return rows if rows[0].startswith("path") else []


class AsciiOnly(Table):
    def add(self, builder, file, number, text):
        return super().add(
            builder, file, number, re.sub(r",[^,]*$", lambda tail: tail[0].encode("ascii", "replace").decode(), text)
        )


class MissesOtherImages(Table):
    """Wants two answers to each image of the list."""

    def collect(self, request):
        answers, counts = super().collect(request), Counter(label.item for label in self.builder.raw_labels)
        return replace(answers, incomplete=[item for item, count in counts.items() if count < 2])


def write_file_per_image(self, request, answers):
    files = FilePerImage().files(request)
    for item in answers.keys() & files.keys():
        files[item].write_text(answers[item], "utf-8")


def file_per_image(part, caught_by):
    def clear_answers(self, request, ids):
        write_file_per_image(self, request, dict.fromkeys(ids, ""))

    return wrong(LabelSourceSuite, part, caught_by, answer=write_file_per_image, clear_answers=clear_answers)


def answer(self, request, answers):
    write(request, answers, "to_label.csv")


INSTRUCTIONS = "# A list\n# Write the class.\n# Ask Ann if you do not know it.\n"


def answer_below_instructions(self, request, answers):
    file = round_folder(request) / "to_label.csv"
    if file.exists():
        file.write_text(file.read_text("utf-8").removeprefix(INSTRUCTIONS), "utf-8")
    answer(self, request, answers)
    file.write_text(INSTRUCTIONS + file.read_text("utf-8"), "utf-8")


def clear_answers(self, request, ids):
    file = round_folder(request) / "to_label.csv"
    for id in ids:
        file.write_text(re.sub(f'"{re.escape(id)}",.*', f'"{id}",', file.read_text("utf-8")), "utf-8")


def add_second_answers(self, request, answers):
    write(request, answers, "more.csv")


def append_damaged_row(self, request):
    with (round_folder(request) / "to_label.csv").open("a", encoding="utf-8") as file:
        file.write('"a/IMG_0')


def write(request, answers, name):
    file = round_folder(request) / name
    before = file.read_text("utf-8") if file.exists() else ""
    start = before if before.startswith("path,label\n") else "path,label\n"
    file.write_text(start + "".join(f'"{path}",{text}\n' for path, text in answers.items()), encoding="utf-8")


def source(part, caught_by):
    hooks = {
        "answer": answer,
        "clear_answers": clear_answers,
        "add_second_answers": add_second_answers,
        "append_damaged_row": append_damaged_row,
    }
    return wrong(LabelSourceSuite, part, caught_by, **hooks)


def by_ann(part, caught_by):
    """Return the suite of a table, in which a second person writes a third column."""

    def add_second_answers(self, request, answers):
        file = round_folder(request) / "to_label.csv"
        rows = "".join(f'"{path}",{name},Ann\n' for path, name in answers.items())
        file.write_text(file.read_text("utf-8") + rows, "utf-8")

    hooks = {"answer": answer, "clear_answers": clear_answers, "append_damaged_row": append_damaged_row}
    return wrong(LabelSourceSuite, part, caught_by, add_second_answers=add_second_answers, **hooks)


CASES = [
    source(DigestOfTheName, "test_label_says_where_it_was_read"),
    source(DigestOfTheSize, "test_label_says_where_it_was_read"),
    source(OneRowOff, "test_label_says_where_it_was_read"),
    source(RowsWithoutTheHeading, "test_label_says_where_it_was_read"),
    source(NoFile, "test_label_says_where_it_was_read"),
    source(LocalTime, "test_label_says_where_it_was_read"),
    source(TimeOfThePicture, "test_label_says_where_it_was_read"),
    source(WrongAnnotator, "test_annotator_is_the_one_who_answered"),
    source(AnyCase, "test_class_in_other_case_is_a_problem"),
    source(PassesOverNewNames, "test_new_name_is_a_class_or_a_problem"),
    source(SilentAboutTypingErrors, "test_unknown_class_is_a_problem_and_costs_no_other"),
    source(UnsureIsEmpty, "test_unsure_is_an_answer"),
    source(KeepsSpaces, "test_spaces_around_a_class_do_not_matter"),
    source(SilentAboutUnreadRows, "test_what_cannot_be_read_is_a_problem_and_clears_nothing"),
    source(ClearsAmongUnreadRows, "test_what_cannot_be_read_is_a_problem_and_clears_nothing"),
    source(StopsAtUnreadRows, "test_what_cannot_be_read_is_a_problem_and_clears_nothing"),
    source(ClearsNothing, "test_answer_taken_back_is_cleared"),
    source(ClearsWithoutAReason, "test_answer_taken_back_is_cleared"),
    file_per_image(EachFileIsAPlace, "test_answer_taken_back_is_cleared"),
    source(Seeds, "test_every_answer_comes_back"),
    source(ChangesFolder, "test_every_answer_comes_back"),
    by_ann(StopsInTheMiddle, "test_what_cannot_be_read_is_a_problem_and_clears_nothing"),
    by_ann(MergesAnnotators, "test_two_answers_to_one_image_are_both_reported"),
    by_ann(EncodingOfTheMachine, "test_names_of_classes_in_any_language"),
    by_ann(AsciiOnly, "test_names_of_classes_in_any_language"),
    by_ann(ExpectsUtf8, "test_table_that_another_program_has_saved"),
    by_ann(ExpectsAHeading, "test_table_that_another_program_has_saved"),
    by_ann(MissesOtherImages, "test_answers_about_other_images_are_no_labels"),
]
below_instructions = {"answer": answer_below_instructions, "append_damaged_row": append_damaged_row}
RIGHT = [
    file_per_image(FilePerImage, ""),
    by_ann(Table, ""),
    wrong(LabelSourceSuite, BelowInstructions, "", clear_answers=clear_answers, **below_instructions),
]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
