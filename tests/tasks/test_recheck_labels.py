"""Labels that are likely wrong are found, asked again without showing them, and nothing is lost."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.errors import LabelError
from alframe.loop.rechecked import read_rechecked_labels
from alframe.testing import TaskSuite
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState

WRONG = {"class_0/003.png": "class_1", "class_1/005.png": "class_2", "class_2/007.png": "class_0"}


class TestRecheckLabels(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=recheck_labels", "task.ask=false"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Of a campaign by people on a pool whose own table has 45 labels, three of them wrong."""
    images = tiny_pool(tmp_path / "images", each=16)
    table = tmp_path / "labels.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        for path in sorted(images.rglob("*.png")):
            id_ = path.relative_to(images).as_posix()
            if path.stem != "015":
                writer.writerow([id_, WRONG.get(id_, path.parent.name)])
            else:
                writer.writerow([id_, ""])
    overrides = [word for word in tiny_overrides(images, tmp_path / "runs") if not word.startswith(("pool", "stop"))]
    return [
        *overrides,
        "pool=csv",
        f"pool.file={table.as_posix()}",
        f"pool.root={images.as_posix()}",
        "pool.label_column=label",
        f"project={(tmp_path / 'season').as_posix()}",
        "label_source=csv",
        "sequences.gap=null",
        "holdout.fraction=0",
        "audit=0",
    ]


def call(words: list[str], *more: str, task: str = "recheck_labels") -> Outcome:
    with open_session(*words, f"task={task}", *more) as session:
        outcome: Outcome = session.task_to_run.run(session)
        return outcome


def read_list(tmp_path: Path, round_number: int) -> list[dict[str, str]]:
    file = tmp_path / "season" / "to_label" / f"round-{round_number:03d}" / "to_label.csv"
    with file.open(newline="", encoding="utf-8-sig") as opened:
        return list(csv.DictReader(opened))


def answer(
    tmp_path: Path, round_number: int, names: dict[str, str] | None = None, person: str = "anna"
) -> dict[str, str]:
    """Answer a round with the classes of the folders, or `names`; return what was answered, by image."""
    rows = read_list(tmp_path, round_number)
    for row in rows:
        row["label"] = (names or {}).get(row["path"], row["path"].split("/")[0])
        row["annotator"] = person
    file = tmp_path / "season" / "to_label" / f"round-{round_number:03d}" / "to_label.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return {row["path"]: row["label"] for row in rows}


def labels(words: list[str]) -> dict[str, str]:
    with open_session(*words) as session:
        items = session.items()
        return {items[key].id: label.class_name for key, label in session.labels_by_key().items()}


def begin(words: list[str], tmp_path: Path) -> None:
    """Start the project and answer its first round."""
    call(words, task="run")
    answer(tmp_path, 1)


def test_wrong_labels_are_asked_again_and_corrected(words: list[str], tmp_path: Path) -> None:
    begin(words, tmp_path)
    before = labels(words)
    assert {id_: before[id_] for id_ in WRONG} == WRONG
    listed = call(words, "task.ask=false")
    assert all(f"{id_}: '{name}'" in listed.message for id_, name in WRONG.items()), listed.message
    asked = call(words, "task.images=5")
    assert asked.state is OutcomeState.WAITING
    listed_rows = read_list(tmp_path, 2)
    assert {row["path"] for row in listed_rows} >= WRONG.keys()
    assert not any(name in row.values() for row in listed_rows for name in WRONG.values()), "the label is not shown"
    assert call(words).state is OutcomeState.WAITING, "nobody has answered, although all of them have a label"
    given = answer(tmp_path, 2)
    done = call(words)
    assert done.state is OutcomeState.DONE
    assert f"another class: 3 of {len(given)}" in done.message
    assert "Labels changed: 3" in done.message
    after = labels(words)
    assert {id_: after[id_] for id_ in WRONG} == {id_: id_.split("/")[0] for id_ in WRONG}
    assert after.keys() == before.keys() | {f"class_{number}/015.png" for number in range(3)}
    with open_session(*words) as session:
        key = next(key for key, item in enumerate(session.items()) if item.id == "class_0/003.png")
        said = [row.class_name for row in session.ledger.stored_labels() if row.item == key]
    assert said == ["class_1", "class_0"], "the old answer stays in the history"
    assert "asked again before" in call(words, "task.ask=false").message


def test_an_unsure_answer_and_none_leave_the_label(words: list[str], tmp_path: Path) -> None:
    begin(words, tmp_path)
    call(words, "task.images=3")
    answer(tmp_path, 2, dict.fromkeys(WRONG, "unsure"))
    done = call(words)
    assert "unsure: 3" in done.message, done.message
    assert "Labels changed: 0" in done.message
    assert {id_: name for id_, name in labels(words).items() if id_ in WRONG} == WRONG


def test_an_image_that_is_deleted_meanwhile_is_not_waited_for(words: list[str], tmp_path: Path) -> None:
    begin(words, tmp_path)
    call(words, "task.images=3")
    lost, *others = [row["path"] for row in read_list(tmp_path, 2)]
    answer(tmp_path, 2, {lost: ""})
    assert call(words).state is OutcomeState.WAITING
    (file,) = tmp_path.rglob(lost)
    file.unlink()
    assert call(words).state is OutcomeState.DONE, f"{len(others)} of {len(others)} are answered"


def test_somebody_else_who_disagrees_is_settled_by_the_rule(words: list[str], tmp_path: Path) -> None:
    call(words, task="run")
    wrong = next(id_ for id_ in answer(tmp_path, 1))
    answer(tmp_path, 1, {wrong: "class_0" if wrong.startswith("class_1") else "class_1"})
    call(words, "task.images=20")
    given = answer(tmp_path, 2, person="ben")
    assert wrong in given
    done = call(words)
    assert "Without a label until people agree: 1" in done.message, done.message
    assert labels([*words, "conflicts=latest"])[wrong] == given[wrong]
    assert wrong not in labels([*words, "conflicts=ask"])


def test_the_same_person_corrects_without_a_conflict(words: list[str], tmp_path: Path) -> None:
    call(words, task="run")
    (wrong, *_) = answer(tmp_path, 1)
    answer(tmp_path, 1, {wrong: "class_0" if wrong.startswith("class_1") else "class_1"})
    call(words, "task.images=20")
    given = answer(tmp_path, 2)
    done = call(words)
    assert "Without a label" not in done.message
    assert labels(words)[wrong] == given[wrong]


def test_run_reads_a_recheck_and_goes_on(words: list[str], tmp_path: Path) -> None:
    begin(words, tmp_path)
    call(words)
    assert call(words, task="run").state is OutcomeState.WAITING
    status = call(words, task="status").message
    assert "0 of 3 images of round 2 are answered" in status
    answer(tmp_path, 2)
    assert "3 of 3 images of round 2 are answered" in call(words, task="status").message
    call(words, task="run")
    with open_session(*words) as session:
        rounds = session.ledger.stored_rounds()
        assert rounds[1].closed
        assert all(each.agrees is not None for each in read_rechecked_labels(session, rounds[1]))


def test_images_that_measure_the_accuracy_are_left_out(words: list[str], tmp_path: Path) -> None:
    audited = [word for word in words if not word.startswith("audit")] + ["audit=0.5"]
    begin(audited, tmp_path)
    message = call(audited, "task.ask=false").message
    assert "of images that measure the accuracy" in message
    with open_session(*audited) as session:
        drawn = {session.items()[key].id for key in session.audit_keys().tolist()}
    assert drawn
    assert not any(f"  {id_}:" in message for id_ in drawn)


def test_another_open_round_is_finished_first(words: list[str], tmp_path: Path) -> None:
    call(words, task="run")
    with pytest.raises(LabelError, match="Only one round can be open"):
        call(words)
    assert call(words, "task.ask=false").state is OutcomeState.DONE


def test_a_source_with_one_place_for_all_answers_is_refused(words: list[str], tmp_path: Path) -> None:
    begin(words, tmp_path)
    mine = tmp_path / "mine.csv"
    mine.write_text("path,label\nclass_0/003.png,class_1\n", encoding="utf-8")
    with pytest.raises(LabelError, match="cannot ask anybody again"):
        call(words, f"label_source.files=[{mine.as_posix()}]")
