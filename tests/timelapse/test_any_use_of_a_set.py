"""Whatever people do in their own set: the import warns of nothing, selects the batch alone, and answers are told."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.types import Item, Request, Suggestion
from tests.timelapse.conftest import picture
from tests.timelapse.csv_io import Preferences
from tests.timelapse.lab import own_template, path_of
from tests.timelapse.people import TDB
from tests.timelapse.simulator import Timelapse
from tests.timelapse.test_own_set import WRITTEN, changes

NAMES = ("001/a.jpg", "001/b.jpg", "Süd/x/a.jpg", "Süd/c.JPG", "root.jpg")
CLASSES = ("boar", "deer", "fox")
PLACE = st.integers(0, 9)


class Use(RuleBasedStateMachine):
    """Somebody at work in one set for all images, and rounds that come and go."""

    @initialize(levels=st.integers(0, 2), without=st.sampled_from([(), ("ALPrediction", "ALConfidence")]))
    def begun(self, levels: int, without: tuple[str, ...]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="al-"))
        self.images = self.folder / "images"
        self.items = {name: Item(name, picture(self.images / name)) for name in NAMES}
        editor = own_template(self.images, *without)
        for level in range(levels):
            editor.level(f"Level {level}")
        self.timelapse = Timelapse.open(self.images / TDB)
        self.number, self.exports = 0, 0
        self.written = False
        self.exported: dict[str, set[str]] = defaultdict(set)
        self.asks(list(NAMES[:2]), 0.5)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def record(self, place: int) -> int:
        rows = self.timelapse.records()
        return int(rows[place % len(rows)]["Id"])

    def ask(self) -> str:
        return TimelapseSet(str(self.images)).request(self.request)

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), sure=st.floats(0, 1))
    def asks(self, names: list[str], sure: float) -> None:
        self.number += 1
        guesses = tuple(Suggestion("fox, perhaps", sure) for _ in names)
        items = tuple(self.items[name] for name in names)
        self.request = Request(self.number, items, CLASSES, self.folder / "to_label", guesses)
        self.ask()
        self.written = True

    @rule()
    def imports(self) -> None:
        """The CSV that was written last is imported; what people did meanwhile stays theirs, but for the flags."""
        if not self.written or not self.timelapse.ddb.with_suffix(".csv").exists():
            return
        before = self.timelapse.records()
        result = self.timelapse.import_csv()
        assert result.imported and result.problems == []
        assert all(cells.keys() <= WRITTEN for cells in changes(before, self.timelapse.records()).values())

    @rule()
    def asks_again_and_imports(self) -> None:
        self.ask()
        self.written = True
        self.imports()
        flags = {path_of(row) for row in self.timelapse.records() if row["Selected"].lower() == "true"}
        there = {path_of(row) for row in self.timelapse.records()}
        assert flags == {item.id for item in self.request.items} & there
        self.ask()
        assert not self.timelapse.ddb.with_suffix(".csv").exists(), "nothing is left to be changed"

    @rule(place=PLACE, species=st.sampled_from([*CLASSES, "blank", "unsure", ""]))
    def choose(self, place: int, species: str) -> None:
        self.timelapse.set(self.record(place), "Species", species)

    @rule(place=PLACE, value=st.sampled_from(["true", "false"]))
    def tick(self, place: int, value: str) -> None:
        self.timelapse.set(self.record(place), "Selected", value)

    @rule(place=PLACE, hour=st.integers(0, 23))
    def correct_the_clock(self, place: int, hour: int) -> None:
        self.timelapse.set(self.record(place), "DateTime", f"2023-01-01 {hour:02d}:00:00")
        self.written = False  # that CSV has the old time

    @rule(place=PLACE, values=st.booleans())
    def duplicate(self, place: int, values: bool) -> None:
        if len(self.timelapse.records()) < 9:
            self.timelapse.duplicate(self.record(place), values)
            self.written = False

    @rule(place=PLACE)
    def delete(self, place: int) -> None:
        if len(self.timelapse.records()) > 3:
            self.timelapse.delete(self.record(place))
            self.written = False

    @rule(form=st.sampled_from(["space", "T", "columns"]), before=st.booleans(), root=st.booleans())
    def export(self, form: str, before: bool, root: bool) -> None:
        """The export goes into a round's folder, and stays a witness."""
        self.exports += 1
        folder = self.folder / "to_label" / f"round-{self.number:03d}"
        preferences = Preferences(form, before, root)
        self.timelapse.export_csv(folder / f"export {self.exports}.csv", **vars(preferences))
        for row in self.timelapse.shown:
            if row["Species"]:
                self.exported[path_of(row)].add(row["Species"])

    @rule()
    def reopen(self) -> None:
        self.timelapse.close()
        self.timelapse = Timelapse.open(self.images / TDB)

    @invariant()
    def every_answer_is_told(self) -> None:
        if not hasattr(self, "request"):
            return
        everything = Request(self.number, tuple(self.items.values()), CLASSES, self.request.folder)
        answers = TimelapseSet(str(self.images)).collect(everything)
        assert answers.problems == []
        wanted = {path: set(names) for path, names in self.exported.items()}
        empty = set()
        for row in self.timelapse.records():
            if row["Species"]:
                wanted.setdefault(path_of(row), set()).add(row["Species"])
            else:
                empty.add(path_of(row))
        told: dict[str, set[str]] = defaultdict(set)
        for label in answers.labels:
            told[label.item].add(label.class_name)
        assert told == wanted
        assert set(answers.cleared) <= empty - wanted.keys()


Use.TestCase.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
TestUseOfASet = Use.TestCase
