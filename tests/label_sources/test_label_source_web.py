"""People answer in the browser: what the server writes into the journal for them, and what is read from it."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from alframe.contracts import LabelSource
from alframe.errors import StoreError
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.journal_rows import NewAnswer
from alframe.label_sources.web.source import Web, web_folder
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import Answers, Item, Request


class TestSuite(LabelSourceSuite):
    def make(self) -> LabelSource:
        return Web()

    def answer(self, request: Request, answers: Mapping[str, str], annotator: str = "anna") -> None:
        write_answers_and_confirm_classes(request, {image: [name] for image, name in answers.items()}, annotator)

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        write_answers_and_confirm_classes(request, {image: [] for image in ids})

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        self.answer(request, answers, "ben")


def request_in(folder: Path) -> Request:
    return Request(1, (Item("a.png", folder / "a.png"),), ("fox",), folder / "to_label")


def test_a_journal_without_tables_holds_no_answer(tmp_path: Path) -> None:
    """A power cut while it was made."""
    request = request_in(tmp_path)
    web_folder(request.folder).mkdir(parents=True)
    (web_folder(request.folder) / "answers.sqlite").touch()
    assert Web().collect(request) == Answers() and Web().collect_unrequested(request.folder, ()) == []
    write_answers_and_confirm_classes(request, {"a.png": ["fox"]})
    assert [label.class_name for label in Web().collect(request).labels] == ["fox"]


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    write_answers_and_confirm_classes(request, {"a.png": ["fox"]})
    file = web_folder(request.folder) / "answers.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"answers.sqlite was written by a newer alframe. Update alframe"):
        Web().collect(request)
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"answers.sqlite is damaged.*Restore it from a backup"):
        Web().collect(request)


def test_a_round_that_is_published_again_names_the_classes_that_people_named_meanwhile(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    request = replace(request_in(tmp_path), classes=(), named_since=("hare",))
    assert "Classes named so far: hare." in Web().request(request)


def test_the_journal_is_append_only(tmp_path: Path) -> None:
    request = request_in(tmp_path)
    write_answers_and_confirm_classes(request, {"a.png": ["fox"]})
    with Journal.open(web_folder(request.folder)) as journal:
        for sql in ("UPDATE answer SET classes = '[]'", "DELETE FROM answer"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                journal.db.execute(sql)


def write_answers_and_confirm_classes(
    request: Request, answers: Mapping[str, list[str]], annotator: str = "anna"
) -> None:
    with Journal.open(web_folder(request.folder)) as journal, journal.transaction():
        new = [NewAnswer(image, names, request.round) for image, names in answers.items()]
        journal.append_answers(str(uuid.uuid4()), annotator, new)
