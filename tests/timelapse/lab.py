"""A campaign in this process, and people's own Timelapse sets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.loop.labels import find_standing_labels
from alframe.store.ledger import Ledger
from alframe.types import UNSURE, Outcome
from tests.timelapse.people import TDB, manifest_of, trap_images, words
from tests.timelapse.simulator import Timelapse
from tests.timelapse.template import TemplateEditor

SPECIES = ("blank", "boar", "deer", "fox", UNSURE)


def defect(*numbers: str) -> pytest.MarkDecorator:
    """Marks the test that would catch these defects, and names it after them."""
    return pytest.mark.parametrize((), [pytest.param(id="+".join(numbers))])


class Lab:
    """Images, a project, and what alframe says when it runs on them."""

    def __init__(self, folder: Path, *more: str, each: int = 4, suffixes: Sequence[str] = ("jpg", "JPG")) -> None:
        self.images = folder / "images"
        self.truth = trap_images(self.images, each, suffixes=suffixes)
        self.project = folder / "project"
        self.words = words(self.images, self.project, *more)
        self.outcome: Outcome | None = None

    def run(self, *more: str) -> str:
        """Run once; all warnings, and the outcome's message at the end."""
        said: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())
        logging.getLogger("alframe").addHandler(handler)
        try:
            with open_session(*self.words, *more) as session:
                self.outcome = session.task_to_run.run(session)
        finally:
            logging.getLogger("alframe").removeHandler(handler)
        return "\n".join([*said, self.outcome.message])

    def folder(self, number: int) -> Path:
        return self.project / "to_label" / f"round-{number:03d}"

    def open(self, number: int) -> Timelapse:
        return Timelapse.open(self.folder(number) / TDB)

    def asked(self, number: int) -> list[str]:
        """The ids of a round's images."""
        with Ledger.open(self.project, read_only=True) as ledger:
            items = ledger.items()
            return [items[key].id for one in ledger.stored_rounds() if one.number == number for key in one.keys]

    def rounds(self) -> int:
        with Ledger.open(self.project, read_only=True) as ledger:
            return len(ledger.stored_rounds())

    def labels(self) -> dict[str, list[str]]:
        """All that stands of each image, the last said at the end."""
        with Ledger.open(self.project, read_only=True) as ledger:
            items = ledger.items()
            result: dict[str, list[str]] = {}
            for label in find_standing_labels(ledger.stored_labels()):
                result.setdefault(items[label.item].id, []).append(label.class_name)
            return result

    def answer(self, number: int, say: Callable[[int, str], str] = lambda at, truth: truth) -> Timelapse:
        """Open a round's set and give each image what `say` makes of its place and its true species."""
        timelapse = self.open(number)
        places = manifest_of(self.folder(number))
        for at, row in enumerate(timelapse.shown):
            path = "/".join(filter(None, (*row["RelativePath"].split("\\"), row["File"])))
            if species := say(at, self.truth[places[path]]):
                timelapse.set(row["Id"], "Species", species)
        return timelapse


def own_template(folder: Path, *without: str, species: Sequence[str] = SPECIES) -> TemplateEditor:
    """The template of somebody who has one set for all images."""
    editor = TemplateEditor.new(folder / TDB)
    fields = [("FixedChoice", "Species"), ("Note", "Camera"), ("Flag", "Selected"), ("IntegerPositive", "ALRound")]
    for kind, name in [*fields, ("Note", "ALPrediction"), ("DecimalPositive", "ALConfidence"), ("Counter", "Count")]:
        if name not in without:
            editor.add(kind, name, species)
    return editor


def path_of(row: dict[str, str]) -> str:
    """A record's image, as alframe calls it."""
    return "/".join(filter(None, (*row["RelativePath"].split("\\"), row["File"])))
