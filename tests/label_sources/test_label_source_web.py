"""People answer in the browser: what the server writes into the journal for them, and what is read from it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from alframe.contracts import LabelSource
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.journal_rows import NewAnswer
from alframe.label_sources.web.source import Web, web_folder
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import Request


class TestSuite(LabelSourceSuite):
    def make(self) -> LabelSource:
        return Web()

    def answer(self, request: Request, answers: Mapping[str, str], annotator: str = "anna") -> None:
        write_answers(request, {image: [name] for image, name in answers.items()}, annotator)

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        write_answers(request, {image: [] for image in ids})

    def add_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        self.answer(request, answers, "ben")


def write_answers(request: Request, answers: Mapping[str, list[str]], annotator: str = "anna") -> None:
    with Journal.open(web_folder(request.folder)) as journal, journal.transaction():
        new = [NewAnswer(image, names, request.round) for image, names in answers.items()]
        journal.append(str(uuid.uuid4()), annotator, new)
