"""The requests of the conformance suite of label sources, and the answers of people."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.contracts import LabelSource
from alframe.testing.part import PartSuite
from alframe.types import Answers, Item, Label, Request

CLASSES = ("fox", "red deer")
# The same base name twice, and names that break careless paths and tables.
IMAGE_IDS = ("a/IMG_0001.png", "b/IMG_0001.png", "b/größe, 2.png", "c d/IMG 3 (1).png", "c d/x;y.png", "007.png")

RULES = "docs/label_sources.md has the four rules for every source"

HOOKS = (
    "If answers are no rows of files, or no files, override read_label_bytes, read_row_of_file or "
    "possible_answer_file_hashes in the test class"
)


class LabelSourceCases(PartSuite[LabelSource]):
    """The requests that the suite makes, the people who answer, and how the files that they answered in are read."""

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        """Give these answers (id -> class, or UNSURE) as a person would, after the request.

        None of these items has an answer yet. Some of them may be missing in the request.
        """
        raise NotImplementedError

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        """Delete these answers as a person would. The other answers of the round stay."""
        pytest.skip("the test class does not override clear_answers()")

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        """Give a second answer to items that have one, as another person would, or for another animal in the image."""
        pytest.skip("the test class does not override add_second_answers()")

    def append_damaged_row(self, request: Request) -> None:
        """Append a row that cannot be read, such as the half row of a program that was killed. Earlier rows stay."""
        pytest.skip("the test class does not override append_damaged_row()")

    @pytest.fixture
    def request_(self, tmp_path: Path) -> Request:
        return self.make_request(tmp_path)

    def make_request(self, folder: Path) -> Request:
        """Return a request for six images in `folder`/pool; its own folder is `folder`/labels.

        The labels of the images in the pool are the CLASSES, one after the other.
        """
        items = tuple(self.write_item(folder, name, number) for number, name in enumerate(IMAGE_IDS))
        return Request(3, items, CLASSES, folder / "labels")

    def write_item(self, folder: Path, name: str, number: int) -> Item:
        """Write a small image that differs with `number`, and return its item."""
        file = folder / "pool" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(file)
        return Item(name, file, label=CLASSES[number % 2])

    def true_classes(self, request: Request) -> dict[str, str]:
        """Return the class of each id."""
        return {item.id: str(item.label) for item in request.items}

    def requested_source_or_skip(self, request: Request) -> LabelSource:
        """Return a source that has received the request. Skip the test if the source answers at once."""
        source = self.make()
        if source.answers_now:
            pytest.skip("answers at once")
        source.request(request)
        return source

    def answered_source(self, request: Request) -> LabelSource:
        """Return a source with an answer to every item."""
        source = self.make()
        source.request(request)
        if not source.answers_now:
            self.answer(request, self.true_classes(request))
        return source

    def read_row_of_file(self, file: Path, row: int) -> str | None:
        """Return this row of the file (1 = first line) as text, or None if the file has no lines (a database)."""
        if file.suffix.lower() not in (".csv", ".txt", ".tsv"):
            return None
        content = file.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        return dict(enumerate(text.splitlines(), 1)).get(row, "")

    def read_label_bytes(self, file: str) -> bytes | None:
        """Return the content of `Label.file`, or None if it does not exist. Override it for a source on a server."""
        return Path(file).read_bytes() if Path(file).exists() else None

    def possible_answer_file_hashes(self, label: Label) -> set[str]:
        """Return the allowed values of `answer_file_hash`: the hash of the file's content, or "" without a file.

        If the file is a database (the label has no row), the hash of the single record is allowed too.
        """
        if not label.file:
            return {""}
        content = self.read_label_bytes(label.file) or b""
        own = {label.answer_file_hash} if content.startswith(b"SQLite format 3") and label.row is None else set()
        return {hashlib.blake2b(content, digest_size=16).hexdigest()} | own

    def row_text(self, label: Label) -> str | None:
        """Return the row that the label was read from, as text; None if it has no row, or is no text."""
        return None if label.row is None else self.read_row_of_file(Path(label.file), label.row)

    def assert_annotators(self, source: LabelSource, answers: Answers) -> None:
        """Assert that an annotator's name stands in the file that was read, in its path, or is a parameter.

        If names stand in the rows of the labels, it is the name in the label's own row.
        """
        rows = [(label, self.row_text(label) or "") for label in answers.labels]
        for label, row in rows:
            name = label.annotator
            if not name or source.answers_now or name in map(str, vars(source).values()) or name in label.file:
                continue
            content = self.read_label_bytes(label.file) or b""
            stands = name.encode() in content or name.encode("utf-16-le") in content
            assert stands, f"nobody called '{name}' has answered {label.item}: nothing in {label.file} says so. {HOOKS}"
            others = [other.row for other, text in rows if other.file == label.file and name in text]
            assert name in row or not others, (
                f"row {label.row} of {label.file} is {row!r}, and not by '{name}', who stands in row {others[0]}: each "
                f"answer has its own annotator. {HOOKS}"
            )


def classes_by_item(answers: Answers) -> dict[str, set[str]]:
    """Return the classes that were given to each item."""
    classes: dict[str, set[str]] = {}
    for label in answers.labels:
        classes.setdefault(label.item, set()).add(label.class_name)
    return classes


def assert_answers_without_problems(answers: Answers, expected: Mapping[str, str | set[str]], after: str) -> None:
    """Assert that there is no problem, and that exactly these classes were given to each item; `after` what."""
    assert_classes(answers, expected, after)
    assert not answers.problems, (
        f"after {after}, nothing is wrong, and collect() reports: {'; '.join(map(str, answers.problems))}"
    )


def assert_classes(answers: Answers, expected: Mapping[str, str | set[str]], after: str) -> None:
    """Assert that exactly these classes were given to each item; `after` what."""
    wanted = {item: {names} if isinstance(names, str) else names for item, names in expected.items()}
    found = classes_by_item(answers)
    differing = [item for item in {**wanted, **found} if wanted.get(item) != found.get(item)]
    each = [
        f"{item} has {_quote_names(found.get(item))} instead of {_quote_names(wanted.get(item))}" for item in differing
    ]
    assert not each, f"after {after}, the labels from collect() are wrong: {'; '.join(each)}. {RULES}"


def assert_cleared(answers: Answers, expected: Collection[str], after: str) -> None:
    """Assert that exactly the answers to these items count as cleared; `after` what."""
    lost, kept = sorted({*answers.cleared} - {*expected}), sorted({*expected} - {*answers.cleared})
    assert not lost, (
        f"after {after}, collect() returns {lost} as cleared, and nobody took these answers back: only an empty row or "
        f"file of an image that had an answer clears it. alframe.kit.answers.AnswerBuilder finds them"
    )
    assert not kept, (
        f"after {after}, collect() must return {kept} as cleared, and returns {sorted(answers.cleared)}. Call "
        f"AnswerBuilder.add_unanswered for each empty row or file. If each image has a file of its own, give the "
        f"folder as the place to add() and add_unanswered()"
    )


def _quote_names(names: set[str] | None) -> str:
    return " and ".join(f"'{name}'" for name in sorted(names)) if names else "no label"


def answers_as_lists(answers: Answers) -> list[list[object]]:
    """Return all that was collected, to be compared."""
    return [list(answers.labels), list(answers.problems), list(answers.cleared)]


def file_contents(folder: Path) -> dict[str, bytes | None]:
    """Return what each file below `folder` holds; None for folders."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() if file.is_file() else None
        for file in sorted(folder.rglob("*"))
    }
