"""People label in the browser, on pages that alframe serves itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from alframe.contracts import LabellingServer
from alframe.errors import LabelError
from alframe.kit.classes import UNSURE_WORDS, class_resolver, describe_classes, missing_blank_class
from alframe.kit.round_folders import count_with_noun
from alframe.label_sources.web.images import ImageDatabase, arrange_batch
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.journal_rows import JournalRow
from alframe.label_sources.web.parameters import WebParameters
from alframe.label_sources.web.thumbnails import make_missing_thumbnails
from alframe.types import Answers, Label, Problem, Request, UnrequestedInRound


class Web(WebParameters):
    """Ask for labels in the browser. alframe opens a page, keeps running, and continues when the batch is answered."""

    answers_now = False

    def request(self, request: Request) -> str:
        """Store the batch in the order of the grid, and make missing thumbnails. Return a message for people."""
        with ImageDatabase.open(web_folder(request.folder)) as images:
            images.number_and_store(request.items)
            if images.batch_ids(request.round) != {item.id for item in request.items}:
                images.store_batch(request.round, arrange_batch(request))
            make_missing_thumbnails(images, request.round)
        return (
            f"Round {request.round}: {count_with_noun(len(request.items), 'image')} to label in the browser. "
            f"{describe_classes(request.classes, self.new_classes, request.named_since)}"
        )

    def collect(self, request: Request) -> Answers:
        """Return every valid label of this round in the journal, and the images whose labels were taken back."""
        folder = web_folder(request.folder)
        if not Journal.exists(folder):
            return Answers()
        requested = {item.id: position for position, item in enumerate(request.items)}
        with Journal.open(folder, read_only=True) as journal:
            standing = list(journal.standing_rows_in_round(request.round))
            rows = [row for row in standing if row.image in requested]
            labels, problems = self._labels_in_rows(journal, rows, request.classes)
            if strange := [row for row in standing if row.image not in requested]:
                problems.append(_not_requested_problem(journal, request.round, strange))
            cleared = [image for _, image in journal.find_cleared_images(request.round) if image in requested]
        labels.sort(key=lambda label: requested[label.item])  # stable: the latest of an image last
        return Answers(labels, problems, cleared=sorted(cleared, key=requested.__getitem__))

    def collect_unrequested(self, folder: Path, classes: Sequence[str]) -> list[UnrequestedInRound]:
        """Return, for each round, the labels of images that no round had requested."""
        folder = web_folder(folder)
        if not Journal.exists(folder):
            return []
        with Journal.open(folder, read_only=True) as journal:
            rows = list(journal.unrequested_standing_rows())
            taken_back = journal.find_cleared_images(None)
            found = []
            for number in sorted({*(row.round for row in rows), *(number for number, _ in taken_back)}):
                said = [row for row in rows if row.round == number]
                labels, problems = self._labels_in_rows(journal, said, classes)
                given_on = {(row.image, row.annotator): row.burst_of or row.image for row in said}
                pairs = [(label.item, replace(label, item=given_on[label.item, label.annotator])) for label in labels]
                cleared = [image for taken_in, image in taken_back if taken_in == number]
                found.append(UnrequestedInRound(number, pairs, problems, cleared))
        return found

    def _labels_in_rows(
        self, journal: Journal, rows: Sequence[JournalRow], classes: Sequence[str]
    ) -> tuple[list[Label], list[Problem]]:
        """Return the labels in rows of the journal, and a Problem for each name that is no class."""
        known = (*classes, *journal.confirmed_classes(), *missing_blank_class(classes, self.blank)) if classes else ()
        written = [name for row in rows for name in row.class_names]
        resolve = class_resolver(tuple(dict.fromkeys(known)), self.new_classes, UNSURE_WORDS, written)
        labels, problems, file = [], [], str(journal.file)
        for row in rows:
            for name in row.class_names:
                try:
                    class_name = resolve(name)
                except LabelError as error:
                    problems.append(Problem(file, row.n, f"'{row.image}': {error}"))
                    continue
                # Without a row: a journal that has become empty takes back what was said in it, as a table does not.
                at = datetime.fromisoformat(row.at)
                labels.append(Label(row.image, class_name, row.annotator, at, file, answer_file_hash=row.answer_hash))
        return labels, problems

    def serve(self, folder: Path) -> AbstractContextManager[LabellingServer]:
        """Start the server of the pages; `folder` contains the folders of the rounds."""
        from alframe.label_sources.web.launch import ServerProcess

        return ServerProcess(web_folder(folder), self)


def _not_requested_problem(journal: Journal, round_number: int, rows: Sequence[JournalRow]) -> Problem:
    answers = count_with_noun(len(rows), "answer")
    message = (
        f"{answers} to images that round {round_number} has not requested (for example '{rows[0].image}') cannot be "
        "counted. The project's ledger may be an older copy. Answer these images again in the review."
    )
    return Problem(str(journal.file), rows[0].n, message)


def web_folder(folder: Path) -> Path:
    """Return the folder of the journal and the images, beside the folders of the rounds."""
    return folder / "web"
