"""Ten rounds in Timelapse, with kills, partial answers, restarts and two annotators: every label is accounted for."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.timelapse.people import TDB, Campaign, entered, manifest, sets, trap_images, words
from tests.timelapse.simulator import Timelapse

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a POSIX signal")

SPECIES = ["boar", "deer", "fox"]


@dataclass
class People:
    """Those who label: mostly right, sometimes wrong, unsure, or not at all; and all they have ever entered."""

    campaign: Campaign
    truth: dict[str, str]
    dice: random.Random
    annotators: tuple[str, ...] = ("",)
    places: dict[int, dict[str, str]] = field(default_factory=dict)
    seen: set[tuple[str, str, int, str]] = field(default_factory=set)
    quick: bool = False

    def open(self, number: int, who: str) -> Timelapse:
        timelapse = Timelapse.open(self.campaign.folder(number) / who / TDB)
        assert timelapse.dialogs == [] and not timelapse.rebuilt, "a double-click is the only step"
        places = manifest(self.campaign, number)
        assert self.places.setdefault(number, places) == places, "a round once asked is not asked otherwise"
        assert {_path(row) for row in timelapse.records()} == set(places), "all are shown, and nothing else"
        return timelapse

    def label(self, number: int, who: str, part: float, pause: float = 0.0) -> None:
        """Go through a part of the images that have no species yet, in the order that is shown."""
        timelapse = self.open(number, who)
        todo = [row for row in timelapse.shown if not _answer(row)]
        for row in todo[: round(part * len(todo))]:
            time.sleep(pause)
            self.say(timelapse, row["Id"], self.truth[self.places[number][_path(row)]])
        timelapse.close()

    def say(self, timelapse: Timelapse, record: int, truth: str) -> None:
        others = [name for name in SPECIES if name != truth]
        roll = self.dice.random()
        if roll < 0.1:
            return  # skipped
        if roll < 0.2:
            self.enter(timelapse, record, "unsure")
        elif roll < 0.3:
            self.enter(timelapse, record, self.dice.choice(others))
        else:
            self.enter(timelapse, record, truth)
        if roll > 0.9:  # two animals in the picture
            self.enter(timelapse, timelapse.duplicate(record), self.dice.choice(others))

    def enter(self, timelapse: Timelapse, record: int, species: str) -> None:
        """Choose from the list, or write what is not in it into the field for that."""
        titles = [entry["Title"] for entry in timelapse.quickpastes]
        control = timelapse.control("Species")
        typed = any(one.data_label == "NewSpecies" for one in timelapse.controls)
        listed = control.type == "Note" or species in control.choices
        if self.quick and species in titles:
            timelapse.quickpaste(titles.index(species) + 1, record)
        else:
            timelapse.set(record, "Species", species if listed else "")
        if typed:
            timelapse.set(record, "NewSpecies", "" if listed else species)

    def correct(self, number: int, who: str) -> None:
        """Somebody opens an earlier set again and changes an answer; a duplicate is made to agree."""
        timelapse = self.open(number, who)
        rows = [row for row in timelapse.records() if _answer(row)]
        for row in self.dice.sample(rows, min(2, len(rows))):
            truth = self.truth[self.places[number][_path(row)]]
            for record in timelapse.find(_path(row)):
                self.enter(timelapse, record, truth)
        timelapse.close()

    def finish(self, number: int) -> None:
        """Give every image of a round that is blank, unsure or disputed its true species, whoever looks at it."""
        for who in self.annotators:
            timelapse = self.open(number, who)
            for row in timelapse.records():
                self.enter(timelapse, row["Id"], self.truth[self.places[number][_path(row)]])
            timelapse.close()

    def account(self, said: str) -> None:
        """After a whole run: what stands in the sets stands in the ledger, and what stood once is its history."""
        expected: dict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
        for (number, who), tdb in sets(self.campaign, self.annotators).items():
            for path, values in entered(tdb).items():
                item = manifest(self.campaign, number)[path]
                expected[item, number] |= {(value, who) for value in values if value}
        standing = self.campaign.standing()
        for key, answers in expected.items():
            assert standing.get(key, set()) == answers, (key, said)
            self.seen |= {(key[0], value, key[1], who) for value, who in answers}
        assert not standing.keys() - expected.keys()
        told = {row[:4] for row in self.campaign.told()}
        assert self.seen <= told
        classes = defaultdict(set)
        for (item, _), answers in standing.items():
            classes[item] |= {name for name, _ in answers} - {"unsure"}
        for item, names in classes.items():
            if len(names) > 1:
                reported = [line for line in said.splitlines() if f"'{item}' is" in line]
                assert reported and all(repr(name) in reported[0] for name in names), (item, names, said)


def _path(row: dict[str, str]) -> str:
    return "/".join(filter(None, (*row["RelativePath"].split("\\"), row["File"])))


def _answer(row: dict[str, str]) -> str:
    return row["Species"] or row.get("NewSpecies", "")


def play(people: People, rounds: int, kills: int) -> None:
    """Label round after round, while alframe is started, killed and started again."""
    campaign = people.campaign
    for number in range(1, rounds + 1):
        if number > 1:
            for _ in range(kills):
                campaign.kill()
        people.account(campaign.run())
        assert campaign.rounds() == number
        for who in people.annotators:
            people.label(number, who, part=0.5)
        # Somebody goes on labelling while alframe looks, and is killed, and looks again.
        with ThreadPoolExecutor() as threads:
            labelling = [threads.submit(people.label, number, who, 1.0, 0.05) for who in people.annotators]
            for _ in range(kills):
                campaign.kill()
            for one in labelling:
                one.result()
        if number > 1:
            people.correct(people.dice.randrange(1, number), people.dice.choice(people.annotators))
        said = campaign.run()
        people.account(said)
        if f"images of round {number} are answered" in said:
            people.finish(number)
    people.account(campaign.run())
    counted = campaign.counted("latest" if "conflicts=latest" in campaign.overrides else "ask")
    wrong = {item for item, name in counted.items() if name != people.truth[item]}
    entered_wrong = {item for item, name, _, _ in people.seen if name not in ("unsure", people.truth[item])}
    assert wrong <= entered_wrong


SETTINGS = {
    "alone": (("",), ["enough=0.5"]),
    "two": (("anna", "ben"), ["enough=0.5", "label_source.annotators=[anna,ben]", "classes=[boar,deer,fox]"]),
    "prepared": (("",), ["enough=0.5", "label_source.prepare=true", "classes=[boar,deer,fox]", "conflicts=latest"]),
}


def people_of(setting: str, tmp_path: Path, each: int, seed: int) -> People:
    annotators, more = SETTINGS[setting]
    truth = trap_images(tmp_path / "images", each)
    project = tmp_path / "project"
    campaign = Campaign(words(tmp_path / "images", project, *more), project, random.Random(seed))
    return People(campaign, truth, random.Random(seed), annotators, quick=setting == "prepared")


@pytest.mark.parametrize("setting", SETTINGS)
def test_some_rounds(setting: str, tmp_path: Path) -> None:
    people = people_of(setting, tmp_path, each=8, seed=3)
    play(people, rounds=2, kills=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("setting", SETTINGS)
def test_ten_rounds(setting: str, seed: int, tmp_path: Path) -> None:
    people = people_of(setting, tmp_path, each=20, seed=seed)
    play(people, rounds=10, kills=3)
    assert people.campaign.kills >= 20
    assert len(people.seen) >= 30


def answered(people: People, number: int = 1) -> Timelapse:
    """A round in which all images have an answer."""
    people.campaign.run()
    people.finish(number)
    return people.open(number, people.annotators[0])


def test_while_timelapse_saves_nothing_is_missed(tmp_path: Path) -> None:
    people = people_of("alone", tmp_path, each=4, seed=1)
    timelapse = answered(people)
    with timelapse.hold_lock():
        process = people.campaign.start()
        process.join(1.5)
    process.join(60)
    assert process.exitcode == 0
    people.account(people.campaign.log.read_text())
    assert people.campaign.rounds() == 2


def test_an_answer_in_the_log_beside_the_data_file_counts(tmp_path: Path) -> None:
    people = people_of("alone", tmp_path, each=4, seed=1)
    timelapse = answered(people)
    timelapse.leave_wal(2, "Species", "lynx")
    assert timelapse.ddb.with_name(f"{timelapse.ddb.name}-wal").exists()
    said = people.campaign.run()
    names = [name for _, name, _, _, _ in people.campaign.told()]
    assert (len(names), names.count("lynx")) == (4, 1)
    assert timelapse.journal_mode() == "wal", "how Timelapse keeps its file is not ours to change"
    people.account(said)


def test_what_a_crash_of_timelapse_leaves_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    people = people_of("alone", tmp_path, each=4, seed=1)
    timelapse = answered(people)
    people.account(people.campaign.run())
    before = people.campaign.told()
    timelapse.set(1, "Species", "lynx")
    timelapse.leave_journal()
    said = people.campaign.run()
    assert str(timelapse.ddb) in said and "Timelapse" in said.split(str(timelapse.ddb))[1].split("\n")[0], said
    assert people.campaign.told() == before
    Timelapse.open(timelapse.ddb).close()
    people.account(people.campaign.run())
    assert "lynx" in {name for _, name, _, _, _ in people.campaign.told()}
