"""People label: in part, late, wrongly, and on images that come and go. Every label is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.loop.labels import find_standing_labels
from alframe.store.events import Predicted
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState
from tests.sheets import answer_sheet, sheet_path, top_folder


class Person:
    """Labels what is asked for in the round's CSV, by the colour that the folder's name stands for."""

    def __init__(self, folder: Path) -> None:
        self.images = tiny_pool(folder / "images", classes=3, each=12)
        self.project = folder / "project"
        self.words = [
            *(word for word in tiny_overrides(self.images, folder / "runs") if "classes" not in word),
            f"project={self.project.as_posix()}",
            "label_source=csv",
        ]

    def run(self, *more: str) -> Outcome:
        words = [word for word in self.words if "stopping=null" not in more or not word.startswith("stopping")]
        with open_session(*words, *more) as session:
            return session.task_to_run.run(session)

    def sheet(self, number: int) -> Path:
        return sheet_path(self.project, number)

    def answer(self, number: int, write: Callable[[int, str], str] = lambda row, truth: truth) -> list[str]:
        """Fill in the label of each row; the images of the round."""
        return answer_sheet(self.sheet(number), lambda at, row: write(at, top_folder(row)))

    def labels(self) -> dict[str, str]:
        with Ledger.open(self.project, read_only=True) as ledger:
            items = ledger.items()
            return {items[label.item].id: label.class_name for label in find_standing_labels(ledger.stored_labels())}

    def rounds(self) -> int:
        with Ledger.open(self.project, read_only=True) as ledger:
            return len(ledger.stored_rounds())


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_a_campaign_from_the_first_image_to_the_model(person: Person) -> None:
    asked: list[str] = []
    for number in range(1, 6):
        outcome = person.run("stopping.labels=20")
        assert outcome.state is OutcomeState.WAITING
        assert f"0 of 4 images of round {number}" in outcome.message
        assert str(person.sheet(number)) in outcome.message
        asked += person.answer(number)
    outcome = person.run("stopping.labels=20")
    assert outcome.state is OutcomeState.DONE
    assert len(set(asked)) == len(asked) == len(person.labels()) == 20
    assert {path.split("/")[0] for path in asked} == {"class_0", "class_1", "class_2"}
    assert person.labels() == {path: path.split("/")[0] for path in asked}
    assert (person.project / "export" / "model" / "model.json").exists()
    assert "cross-validation" in outcome.message, "without known labels there are no held-out images"


def test_a_part_of_a_batch_waits_for_the_rest(person: Person) -> None:
    person.run()
    person.answer(1, lambda row, truth: truth if row < 3 else "")
    for _ in range(2):
        assert "3 of 4 images of round 1" in person.run().message
    assert (len(person.labels()), person.rounds()) == (3, 1)
    person.answer(1)
    assert "round 2" in person.run().message


def test_enough_of_a_batch_goes_on_and_late_answers_still_count(person: Person) -> None:
    person.run("enough=0.5")
    first = person.answer(1, lambda row, truth: truth if row < 3 else "")
    assert "round 2" in person.run("enough=0.5").message
    person.answer(1)  # a late answer
    person.run("enough=0.5")
    assert person.labels()[first[3]] == first[3].split("/")[0]


def test_a_correction_in_an_old_round_counts_and_so_does_taking_it_back(person: Person) -> None:
    person.run()
    first = person.answer(1)
    person.run()
    for name in ("class_1", "class_2", "class_1", "class_2"):
        person.answer(1, lambda row, truth, name=name: name if row == 0 else truth)
        person.run()
        assert person.labels()[first[0]] == name
    assert person.rounds() == 2


def test_a_slip_is_named_with_file_and_row_and_costs_no_other(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    person.run()
    person.answer(1)
    person.run()
    known = sorted(set(person.labels().values()))
    person.answer(2, lambda row, truth: f"{known[0]}x" if row == 1 else known[0])
    assert "3 of 4 images of round 2" in person.run().message
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert f"{person.sheet(2)}, row 3: '{known[0]}x' is not one of the classes. Did you mean '{known[0]}'?" in warning


def test_one_class_only_asks_for_more_of_the_start(person: Person) -> None:
    person.run()
    person.answer(1, lambda row, truth: "empty")
    assert "round 2" in person.run().message
    person.answer(2, lambda row, truth: "fox")
    assert "round 3" in person.run().message


def test_images_that_come_are_asked_for_and_images_that_go_are_not(person: Person) -> None:
    person.run()
    first = person.answer(1)
    (person.images / first[0]).unlink()
    for path in person.images.glob("class_2/*.png"):
        if f"class_2/{path.name}" not in first:
            path.unlink()
    tiny_pool(person.images / "more", classes=1, each=3, seed=5)
    gone = {f"class_2/{number:03d}.png" for number in range(12)}
    asked: set[str] = set()
    for number in range(2, 12):
        outcome = person.run("stopping=null")
        if outcome.state is OutcomeState.DONE:
            break
        asked |= set(person.answer(number))
    assert outcome.message.startswith("No images are left to request: all readable images are labelled.")
    assert not asked & gone
    assert {f"more/class_0/{number:03d}.png" for number in range(3)} <= asked
    assert person.labels()[first[0]] == first[0].split("/")[0], "the label of an image that is gone is kept"


def test_labels_that_the_pool_knows_count_from_the_start_and_a_part_is_held_out(person: Person) -> None:
    outcome = person.run("pool.classes=true")
    assert outcome.state is OutcomeState.DONE
    with Ledger.open(person.project, read_only=True) as ledger:
        splits = Counter(item.split for item in ledger.items())
        assert len(find_standing_labels(ledger.stored_labels())) == splits["pool"] == 36 - splits["test"]
        assert 5 <= splits["test"] <= 9
        (record,) = ledger.history()
        assert record.round == 0
        assert record.evaluation is not None
        assert record.evaluation.basis == "held-out images"


def test_the_images_moved_as_a_whole(person: Person, tmp_path: Path) -> None:
    person.run()
    person.answer(1)
    person.images.rename(tmp_path / "elsewhere")
    person.words = [
        word.replace(person.images.as_posix(), (tmp_path / "elsewhere").as_posix()) for word in person.words
    ]
    assert "round 2" in person.run().message
    assert len(person.labels()) == 4


def test_what_nobody_can_tell_is_asked_once_and_does_not_hold_up_the_rest(person: Person) -> None:
    asked: list[str] = []
    for number in range(1, 20):
        outcome = person.run("stopping=null", "enough=0.25", "reask=null")
        if outcome.state is OutcomeState.DONE:
            break
        asked += person.answer(number, lambda row, truth: "" if row == 0 else truth)
    assert len(asked) == len(set(asked)) == 36
    assert outcome.message.startswith(
        "No images are left to request: all readable images are labelled, or were requested without an answer."
    )


def test_an_answer_after_the_end_counts(person: Person) -> None:
    words = ("stopping.labels=4", "enough=0.5")
    person.run(*words)
    person.answer(1, lambda row, truth: truth if row else "")
    person.run(*words)
    person.answer(2)
    assert person.run(*words).state is OutcomeState.DONE
    assert len(person.labels()) == 4
    person.answer(1)
    assert person.run(*words).state is OutcomeState.DONE
    assert len(person.labels()) == 5
    with Ledger.open(person.project, read_only=True) as ledger:
        assert ledger.history()[-1].labels == 5


def test_export_takes_in_what_was_answered_since(person: Person) -> None:
    person.run("start.labels=8")
    person.answer(1)
    with open_session(*person.words, "task=export") as session:
        session.task_to_run.run(session)
    assert len(person.labels()) == 8


def test_what_is_measured_with_a_partly_answered_batch_replaces_nothing(person: Person) -> None:
    person.run("start.labels=8")
    person.answer(1)
    person.run("start.labels=8")
    person.answer(2, lambda row, truth: truth if row < 2 else "")
    with open_session(*person.words, "task=export") as session:
        session.task_to_run.run(session)
        assert [(record.round, record.labels) for record in session.ledger.all_records()] == [(1, 8), (1, 10)]
    person.answer(2)
    person.run("start.labels=8")
    with open_session(*person.words, "task=status") as session:
        assert [(record.round, record.labels) for record in session.ledger.all_records()] == [(1, 8), (1, 10), (2, 12)]
        assert [(record.round, record.labels) for record in session.history()] == [(1, 10), (2, 12)]


def test_images_that_are_gone_or_broken_are_not_waited_for(person: Person) -> None:
    person.run()
    asked = person.answer(1, lambda row, truth: truth if row < 2 else "")
    (person.images / asked[2]).unlink()
    assert "1 others are missing or unreadable" in person.run().message
    (person.images / asked[3]).write_bytes(b"no image")
    assert "round 2" in person.run().message


def test_another_picture_under_a_known_name_is_noticed_and_not_learned_from(
    person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        person.run()
        asked = person.answer(number)
    other = next(path for path in person.images.glob("*/*.png") if path.parent.name not in asked[0])
    (person.images / asked[0]).write_bytes(other.read_bytes())
    person.run()
    assert f"1 image files have changed since they were requested (first: {asked[0]})" in caplog.text
    assert len(person.labels()) == 12
    with Ledger.open(person.project, read_only=True) as ledger:
        assert ledger.history()[-1].labels == 11


def test_what_a_bandit_has_learned_does_not_change_with_late_and_corrected_answers(person: Person) -> None:
    """Its arms and rewards are in the ledger; the images drawn at random are no arm's merit."""
    words = ["sampler=bandit", "sampler.samplers=[margin,random]", "stopping=null", "audit=0.5", "seed=2"]
    for number in range(1, 5):
        person.run(*words)
        person.answer(number)
    person.run(*words)
    with open_session(*person.words, *words) as session:
        before = session.earlier_batches()
        last = session.ledger.stored_rounds()[3]
        predicted = dict(session.ledger.events_of(Predicted))[last.number].classes
        truth = {key: session.ledger.items()[key].id.split("/")[0] for key in last.keys}
        wrong = [truth[key] != name for key, name in zip(last.keys, predicted, strict=True)]
        chosen = [one for key, one in zip(last.keys, wrong, strict=True) if key not in last.audit_keys]
    assert before.error_rates[-1] == pytest.approx(sum(chosen) / len(chosen)) and len(chosen) == 2
    assert set(before.chosen_by) <= {"margin", "random"} and len(before.rounds) == 3
    for number in range(2, 5):
        person.answer(number, lambda row, truth: "class_0" if truth != "class_0" else "class_1")
    person.answer(5)
    person.run(*words)
    with open_session(*person.words, *words) as session:
        after = session.earlier_batches()
    assert after.rounds[:3] == before.rounds and after.error_rates[:3] == before.error_rates
    assert after.chosen_by[:3] == before.chosen_by


def test_a_bandit_does_not_count_what_another_sampler_chose(person: Person) -> None:
    for number, sampler in enumerate(["margin", "margin", "margin", "bandit", "bandit"], 1):
        person.run(f"sampler={sampler}", "stopping=null")
        person.answer(number)
    person.run("sampler=bandit", "stopping=null")
    with open_session(*person.words, "sampler=bandit", "stopping=null") as session:
        assert session.earlier_batches().rounds == [4, 5]
