"""Answers that are unsure, skipped, taken back, in conflict, propagated or waited for; and how the pool is measured."""

from __future__ import annotations

import csv
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from alframe.app.api import open_session
from alframe.engine.training.fine_tune import TrainingResult
from alframe.errors import BadParams, StoreError
from alframe.loop.learning import load_audit_draws
from alframe.store.events import ShownContent
from alframe.store.ledger import Ledger
from alframe.types import Item, Outcome, OutcomeState, Selection
from tests.loop.test_people import Person
from tests.timelapse.simulator import Timelapse


class Protocol(Person):
    """A person with more to do than to label."""

    def task(self, name: str, *more: str) -> Outcome:
        with open_session(*self.words, f"task={name}", *more) as session:
            return session.task_to_run.run(session)

    def asked(self, number: int) -> list[str]:
        with self.ledger() as ledger:
            items = ledger.items()
            return [items[key].id for key in ledger.stored_rounds()[number - 1].keys]

    def ledger(self) -> Ledger:
        return Ledger.open(self.project, read_only=True)

    def copy(self, number: int, name: str, annotator: str, write: Callable[[int, str], str]) -> Path:
        """A second table in the round's folder, by somebody else."""
        file = self.sheet(number).with_name(name)
        with file.open("w", encoding="utf-8", newline="") as handle:
            out = csv.writer(handle)
            out.writerow(["path", "label", "annotator"])
            for at, path in enumerate(self.asked(number)):
                out.writerow([path, write(at, path.split("/")[0]), annotator])
        return file

    def counted(self) -> dict[str, str]:
        with open_session(*self.words, "task=status") as session:
            items = session.ledger.items()
            return {items[one.item].id: one.class_name for one in session.decided_labels().counted}


@pytest.fixture
def person(tmp_path: Path) -> Protocol:
    return Protocol(tmp_path)


def test_unsure_is_an_answer_and_the_image_is_asked_for_again_later(person: Protocol) -> None:
    words = ("reask=1", "stopping=null", "audit=0")
    person.run(*words)
    unsure = person.answer(1, lambda row, truth: "unsure" if row == 0 else truth)[0]
    assert "round 2" in person.run(*words).message
    assert "unsure" not in person.counted().values()
    assert unsure not in person.asked(2), "not at once"
    again = []
    for number in range(2, 12):
        again += [number] if unsure in person.answer(number) else []
        if person.run(*words).state is OutcomeState.DONE:
            break
    assert len(again) == 1
    assert person.counted()[unsure] == unsure.split("/")[0]
    assert len(person.counted()) == 36


def test_an_emptied_cell_takes_the_label_back_and_a_deleted_file_does_not(person: Protocol) -> None:
    person.run()
    first = person.answer(1)
    person.run()
    assert set(person.counted()) == set(first)
    person.answer(1, lambda row, truth: "" if row == 0 else truth)
    person.task("label")
    assert set(person.counted()) == set(first[1:])
    person.sheet(1).unlink()
    person.task("label")
    assert set(person.counted()) == set(first[1:])


def test_two_annotators_who_differ_are_reported_and_settled_by_the_rule(
    person: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    person.run()
    asked = person.asked(1)
    person.copy(1, "anna.csv", "anna", lambda row, truth: truth)
    person.copy(1, "ben.csv", "ben", lambda row, truth: "class_9" if row == 0 else truth)
    outcome = person.run()
    assert "3 of 4 images of round 1 are answered; 1 more has conflicting labels" in outcome.message
    assert f"'{asked[0]}' is" in caplog.text
    assert "by anna" in caplog.text
    assert "by ben" in caplog.text
    assert f"'{asked[0]}' is" in person.task("status").message, "as long as they differ"
    assert "class_9" in person.run("conflicts=latest").message or "round 2" in person.run("conflicts=latest").message
    with person.ledger() as ledger:
        assert len(ledger.raw_rows("label", ["n"])) == 8, "both are kept"


def test_conflicts_can_be_settled_by_agreeing(person: Protocol) -> None:
    person.run()
    asked = person.asked(1)
    person.copy(1, "anna.csv", "anna", lambda row, truth: truth)
    person.copy(1, "ben.csv", "ben", lambda row, truth: "class_9" if row == 0 else truth)
    assert person.run().state is OutcomeState.WAITING
    assert len(person.counted()) == 3
    person.copy(1, "ben.csv", "ben", lambda row, truth: truth)
    assert "round 2" in person.run().message
    assert person.counted()[asked[0]] == asked[0].split("/")[0]


def test_an_unknown_rule_is_refused(person: Protocol) -> None:
    with pytest.raises(BadParams, match="conflicts=vote: must be ask, latest or majority"):
        person.run("conflicts=vote")


def test_label_takes_in_and_asks_for_nothing(person: Protocol) -> None:
    person.run()
    person.answer(1, lambda row, truth: truth if row < 3 else "")
    outcome = person.task("label")
    assert outcome.state is OutcomeState.WAITING
    assert "3 new answers" in outcome.message
    assert "3 of 4 images of round 1" in outcome.message
    assert person.task("label").message.startswith("Nothing new.")
    assert (len(person.counted()), person.rounds()) == (3, 1)


def test_label_before_there_is_a_project(person: Protocol) -> None:
    with pytest.raises(StoreError, match="There is no project in"):
        person.task("label")


def test_watching_ends_when_the_batch_is_answered(
    person: Protocol, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alframe.progress.shows_bars", lambda: True)  # as in a terminal
    person.run()

    def later() -> None:
        for upto in (1, 2, 4):
            time.sleep(0.15)
            person.answer(1, lambda row, truth, upto=upto: truth if row < upto else "")

    thread = threading.Thread(target=later)
    thread.start()
    outcome = person.task("label", "task.watch=true", "task.every=0.05")
    thread.join()
    assert "4 of 4 images of round 1" in outcome.message
    assert len(person.counted()) == 4
    assert "4/4" in capsys.readouterr().err


def test_a_run_that_watches_goes_on_by_itself(person: Protocol) -> None:
    answered = []

    def label() -> None:
        for number in range(1, 6):
            while not person.sheet(number).exists():
                time.sleep(0.02)
            answered.extend(person.answer(number))

    thread = threading.Thread(target=label, daemon=True)
    thread.start()
    outcome = person.run("task.watch=true", "task.every=0.05", "stopping.labels=20")
    thread.join(20)
    assert outcome.state is OutcomeState.DONE
    assert set(person.counted()) == set(answered)


def test_a_withdrawn_round_keeps_its_answers_and_frees_the_rest(person: Protocol) -> None:
    person.run("reask=0", "audit=0")
    first = person.answer(1, lambda row, truth: truth if row < 1 else "")
    message = person.task("withdraw").message
    assert "1 of 4 images of round 1" in message
    assert "withdrawn" in message
    assert "nothing to withdraw" in person.task("withdraw").message
    assert "round 2" in person.run("reask=0", "audit=0").message
    assert set(person.counted()) == {first[0]}
    person.answer(1)  # a late answer counts
    person.task("label")
    assert set(person.counted()) == set(first)


def test_a_part_of_each_batch_is_drawn_at_random_and_measures_the_pool(person: Protocol) -> None:
    words = ("audit=0.5", "stopping=null", "reask=null")
    places = Counter[int]()
    for number in range(1, 9):
        person.run(*words)
        person.answer(number)
        with person.ledger() as ledger:
            asked = ledger.stored_rounds()[-1]
            assert len(asked.audit_keys) == 2
            places.update(at for at, key in enumerate(asked.keys) if key in asked.audit_keys)
    person.run(*words)
    assert len(places) > 2, "not always at the same place"
    with person.ledger() as ledger:
        audits = [record.audit for record in ledger.history()]
        assert [None if one is None else one.n for one in audits[:3]] == [None, None, 6]
        assert audits[-1] is not None
        assert audits[-1].n == 16
    assert "without a label (audit)" in person.task("status").message
    assert "no label and could not be counted" not in person.task("status").message
    with person.ledger() as ledger:
        drawn = next(
            at for at, key in enumerate(ledger.stored_rounds()[0].keys) if key in ledger.stored_rounds()[0].audit_keys
        )
    person.answer(1, lambda row, truth: "unsure" if row == drawn else truth)
    person.task("label")
    assert "1 image that was drawn at random has no label" in person.task("status").message


def test_the_ledger_knows_what_each_round_could_draw_and_old_projects_go_on_without(
    person: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("audit=0.5", "stopping=null", "reask=null")
    for number in range(1, 4):
        person.run(*words)
        person.answer(number)
    person.run(*words)
    with open_session(*person.words, "task=status") as session:
        rounds, frames = session.ledger.stored_rounds(), session.ledger.audit_strata()
        asked: set[int] = set()
        for stored in rounds:
            strata = frames[stored.number]
            candidates = set(range(len(session.ledger.items()))) - asked
            assert set(np.flatnonzero(strata).tolist()) == candidates
            drawn = strata[sorted(stored.audit_keys)].tolist()
            assert sorted(drawn) == ([1, 1] if strata.max() == 1 else [1, 2])
            asked |= set(stored.keys)
        assert frames[4].max() == 2, "there is a model, and by its confidence one image of each half is drawn"
        exact = load_audit_draws(session, len(session.ledger.items()))
        monkeypatch.setattr(Ledger, "audit_strata", lambda self: {})
        for draw, known in zip(load_audit_draws(session, len(session.ledger.items())), exact, strict=True):
            assert draw.keys.tolist() == known.keys.tolist()
            exact_strata, behind = np.split(known.strata, [len(draw.strata)])
            assert np.array_equal(draw.strata > 0, exact_strata > 0) and draw.strata.max() == 1
            assert behind.tolist() == [0], "a zero behind all images"
    measured = person.ledger().history()[-1]
    person.answer(4)
    person.run(*words)
    monkeypatch.undo()
    with person.ledger() as ledger:
        assert ledger.audit_strata()[5].max() == 1, "as in the rounds before, which drew from all alike"
        assert measured.unlabelled_accuracy is not None and ledger.history()[-1].unlabelled_accuracy is not None


def test_the_backbone_is_not_trained_on_audited_images(person: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_on: list[set[str]] = []

    def spy(module: object, loss: object, items: Sequence[Item], *rest: object) -> TrainingResult:
        trained_on.append({item.id for item in items})
        return TrainingResult([])

    monkeypatch.setattr("alframe.engine.training.fine_tune.fine_tune", spy)
    words = ("audit=0.5", "stopping=null", "finetune.start=4", "finetune.every=4", "finetune.unseen=0")
    for number in range(1, 4):
        person.run(*words)
        person.answer(number)
    person.run(*words)
    with person.ledger() as ledger:
        items, rounds = ledger.items(), ledger.stored_rounds()
    for count, ids in enumerate(trained_on, start=1):
        chosen = {key for number in range(count) for key in rounds[number].keys if key not in rounds[number].audit_keys}
        assert ids == {items[key].id for key in chosen}
    assert len(trained_on) == 3


def test_a_simulation_draws_nothing_and_people_do(person: Protocol) -> None:
    person.run()
    with person.ledger() as ledger:
        assert len(ledger.stored_rounds()[0].audit_keys) == 1
    with open_session(*person.words, "label_source=simulated") as session:
        assert session.audit_fraction == 0.0


def test_stopping_by_the_audit_needs_one(person: Protocol) -> None:
    with pytest.raises(BadParams, match=r"audit=0\.1"):
        person.run("stopping=target_accuracy", "audit=0")


def test_people_are_told_how_far_the_target_is(person: Protocol) -> None:
    person.words = [word for word in person.words if not word.startswith("stopping")]
    words = ("stopping=target_accuracy", "stopping.at_least=0.95", "audit=0.8", "batch=8", "start.labels=8")
    said = "Target 95 %: reached when the lower limit is at least 95 %. Now "
    assert said not in person.run(*words).message, "nothing is measured yet"
    person.answer(1)
    assert said in person.run(*words).message
    assert said in person.task("status", *words).message
    assert said in (person.project / "report.html").read_text(encoding="utf-8")


def test_a_label_for_its_whole_sequence(tmp_path: Path) -> None:
    """Six bursts of six: a label of one image of each trains on all of it, and is marked in the export."""
    person = Protocol(tmp_path)
    rows = [[f"class_{c}/{n:03d}.png", f"{c}-{n // 6}"] for c in range(3) for n in range(12)]
    table = tmp_path / "pool.csv"
    with table.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([["path", "burst"], *rows])
    person.words = [word for word in person.words if not word.startswith(("pool", "stopping"))] + [
        "pool=csv",
        f"pool.file={table.as_posix()}",
        f"pool.root={person.images.as_posix()}",
        "pool.sequence_column=burst",
        "stopping=null",
    ]
    outcome = person.run("propagate=true", "audit=0", "start.labels=6")
    person.answer(1)
    outcome = person.run("propagate=true", "audit=0", "start.labels=6")
    assert outcome.state is OutcomeState.DONE, "one label a sequence is all there is to ask"
    assert len(person.counted()) == 6
    with person.ledger() as ledger:
        (record,) = ledger.history()
        assert (record.labels, record.unlabelled) == (6, 0)
        assert record.evaluation is None or record.evaluation.n == 6, "propagated labels measure nothing"
    with (person.project / "export" / "predictions.csv").open(encoding="utf-8-sig", newline="") as handle:
        exported = list(csv.DictReader(handle))
    assert all(row["label"] == row["path"].split("/")[0] for row in exported)
    assert sum(row["labelled_on"] != row["path"] for row in exported) == 30


def test_a_batch_waits_for_all_annotators_that_have_a_set_of_their_own(person: Protocol) -> None:
    words = ("label_source=timelapse", "label_source.annotators=[anna,ben]", "audit=0")
    assert "0 of 4 images" in person.run(*words).message
    folder = person.project / "to_label" / "round-001"
    for name, upto, state in (("anna", 4, "0 of 4"), ("ben", 1, "1 of 4"), ("ben", 4, None)):
        label_in_timelapse(folder / name, upto)
        message = person.run(*words).message
        if state is None:
            assert "round 2" in message
        else:
            assert f"{state} images of round 1 are answered; {4 - int(state[0])} more need" in message
    assert len(person.counted()) == 4


def label_in_timelapse(root: Path, upto: int) -> None:
    (template,) = root.glob("*.tdb")
    timelapse = Timelapse.open(template)
    for record in timelapse.records()[:upto]:
        timelapse.set(record["Id"], "Species", record["RelativePath"].split("\\")[-1])
    timelapse.close()


def test_the_commonest_spelling_of_a_class_wins(person: Protocol, caplog: pytest.LogCaptureFixture) -> None:
    person.run("start.labels=8")
    person.answer(1, lambda row, truth: "Spiny Rat" if row == 0 else "spiny rat" if row < 6 else "fox")
    person.task("label")
    assert sorted(set(person.counted().values())) == ["fox", "spiny rat"]
    assert "differs from the class 'spiny rat' only in upper and lower case" in caplog.text


def test_a_round_is_read_where_it_was_asked_whatever_source_is_chosen_since(person: Protocol) -> None:
    person.run("audit=0")
    first = person.answer(1, lambda row, truth: truth if row < 3 else "")
    outcome = person.run("audit=0", "label_source=folder")
    assert "3 of 4 images of round 1 are answered" in outcome.message
    assert "requested with label_source=csv" in outcome.message
    assert not (person.sheet(1).parent / "manifest.csv").exists()
    person.answer(1)
    assert "round 2" in person.run("audit=0", "label_source=folder").message
    assert (person.sheet(2).parent / "manifest.csv").exists()
    person.answer(1, lambda row, truth: "corrected" if row == 0 else truth)
    assert "1 corrected" in person.task("label", "label_source=folder").message
    assert person.counted()[first[0]] == "corrected"


def test_a_round_that_was_chosen_and_not_laid_out(person: Protocol) -> None:
    person.run("audit=0")
    person.answer(1)
    with open_session(*person.words) as session:
        keys = np.array([30, 31])
        with session.ledger.transaction():
            session.ledger.add_round(2, session.settings_and_recipes(), {}, {}, Selection(keys, None))
            session.ledger.add_event(2, ShownContent([None, None]))
    assert "Round 2 is chosen but not requested yet" in person.task("status").message


def test_who_was_unsure_once_leaves_it_to_who_was_asked_again(person: Protocol) -> None:
    """And says so later: the two of them are in conflict, whichever table was written last."""
    words = ("reask=0", "stopping=null", "audit=0", "start.labels=36", "batch=36")
    person.run(*words)
    asked = person.asked(1)
    person.copy(1, "anna.csv", "anna", lambda row, truth: "unsure" if row == 0 else truth)
    person.run(*words)
    assert person.asked(2) == asked[:1]
    person.copy(2, "ben.csv", "ben", lambda row, truth: truth)
    assert "1 new answer" in person.task("label").message or person.counted()[asked[0]]
    person.copy(1, "anna.csv", "anna", lambda row, truth: "class_9" if row == 0 else truth)
    person.task("label")
    assert asked[0] not in person.counted(), "in conflict"
    assert f"'{asked[0]}' is" in person.task("status").message
    person.copy(1, "anna.csv", "anna", lambda row, truth: "unsure" if row == 0 else truth)
    person.task("label")
    assert person.counted()[asked[0]] == asked[0].split("/")[0]
