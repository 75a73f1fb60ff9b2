"""Whatever people do in Timelapse, and in whatever order: no traceback, no lost answer, and nothing disturbed."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alframe.label_sources.timelapse.source import Timelapse as RoundSet
from alframe.types import Item, Request
from tests.timelapse.conftest import picture
from tests.timelapse.lab import path_of
from tests.timelapse.people import TDB
from tests.timelapse.simulator import Timelapse, snapshot
from tests.timelapse.template import TemplateEditor

NAMES = ("001/a.jpg", "001/b.jpg", "Süd/a.jpg", "root.jpg")
CLASSES = ("boar", "deer", "fox")
PLACE = st.integers(0, 9)


class Use(RuleBasedStateMachine):
    """Somebody at work on a round's set, while alframe looks again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="al-"))
        source = picture(self.folder / "one.jpg")
        items = tuple(Item(name, source) for name in NAMES)
        self.request = Request(1, items, CLASSES, self.folder / "to_label")
        self.broken = False

    @initialize(prepare=st.booleans())
    def asked(self, prepare: bool) -> None:
        self.source = RoundSet(prepare=prepare)
        self.source.request(self.request)
        self.tdb = self.folder / "to_label" / "round-001" / TDB
        self.timelapse = Timelapse.open(self.tdb)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def record(self, place: int) -> int | None:
        rows = self.timelapse.records()
        return rows[place % len(rows)]["Id"] if rows else None

    @precondition(lambda self: not self.broken)
    @rule(place=PLACE, species=st.sampled_from([*CLASSES, "blank", "unsure", ""]))
    def choose(self, place: int, species: str) -> None:
        record = self.record(place)
        if record and (not species or species in self.timelapse.control("Species").choices):
            self.timelapse.set(record, "Species", species)

    @precondition(lambda self: not self.broken)
    @rule(place=PLACE, species=st.sampled_from(["lynx", "", "foxx", "red deer", "DEER", "\ufffd"]))
    def write(self, place: int, species: str) -> None:
        if record := self.record(place):
            self.timelapse.set(record, "NewSpecies", species)

    @precondition(lambda self: not self.broken)
    @rule(place=PLACE, values=st.booleans())
    def duplicate(self, place: int, values: bool) -> None:
        if (record := self.record(place)) and len(self.timelapse.records()) < 8:
            self.timelapse.duplicate(record, values)

    @precondition(lambda self: not self.broken)
    @rule(place=PLACE)
    def delete(self, place: int) -> None:
        if record := self.record(place):
            self.timelapse.delete(record)

    @precondition(lambda self: not self.broken)
    @rule()
    def reopen(self) -> None:
        self.timelapse.close()
        self.timelapse = Timelapse.open(self.tdb)

    @precondition(lambda self: not self.broken)
    @rule(gone=st.sampled_from([*CLASSES, "unsure"]), label=st.sampled_from(["Tier", "Species"]))
    def edit_template(self, gone: str, label: str) -> None:
        self.timelapse.close()
        TemplateEditor(self.tdb).remove_choice("Species", gone)
        TemplateEditor(self.tdb).rename_label("Species", label)
        self.timelapse = Timelapse.open(self.tdb)

    @precondition(lambda self: not self.broken)
    @rule(place=PLACE)
    def crash_with_a_log(self, place: int) -> None:
        if record := self.record(place):
            self.timelapse.leave_wal(record, "Species", "boar")

    @precondition(lambda self: not self.broken)
    @rule()
    def crash_in_mid_write(self) -> None:
        if self.timelapse.journal_mode() == "delete":
            self.timelapse.leave_journal()
            self.broken = True

    @precondition(lambda self: self.broken)
    @rule()
    def open_after_the_crash(self) -> None:
        self.timelapse = Timelapse.open(self.tdb)
        self.broken = False

    @invariant()
    def asking_again_disturbs_nothing(self) -> None:
        if not self.broken:
            before, template = snapshot(self.timelapse.ddb), self.tdb.read_bytes()
            self.source.request(self.request)
            assert snapshot(self.timelapse.ddb) == before and self.tdb.read_bytes() == template

    @invariant()
    def every_answer_is_told(self) -> None:
        answers = self.source.collect(self.request)
        problems = "\n".join(map(str, answers.problems))
        if self.broken:
            assert answers.labels == [] and answers.cleared == [] and str(self.timelapse.ddb) in problems
            return
        wanted: dict[str, set[str]] = defaultdict(set)
        empty, slips = set(), set()
        for row in self.timelapse.records():
            name = row["Species"] or row["NewSpecies"]
            if not name:
                empty.add(path_of(row))
            elif name in ("foxx", "DEER", "\ufffd"):
                slips.add((path_of(row), name, row["Id"]))
            else:
                wanted[path_of(row)].add(name)
        told: dict[str, set[str]] = defaultdict(set)
        for label in answers.labels:
            told[label.item].add(label.class_name)
            assert label.file == str(self.timelapse.ddb) and label.answer_file_hash and label.labelled_at and label.row
        assert told == wanted
        for _, name, number in slips:
            assert f"row {number}: " in problems and repr(name) in problems
        answered = wanted.keys() | {item for item, _, _ in slips}
        assert set(answers.cleared) == (empty - answered if answered else set())


Use.TestCase.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
TestUse = Use.TestCase
