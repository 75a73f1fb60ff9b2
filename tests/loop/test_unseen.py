"""What is printed after a fine-tuning is true: it is measured on labels that the network was not trained on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alframe.app.api import open_session
from alframe.loop.experiment import run_until_stop
from alframe.loop.serving import describe_accuracy, take_snapshot
from alframe.store.events import FineTuned
from alframe.store.ledger import Ledger
from tests.command_line import CommandLine, alframe

__all__ = ["alframe"]
LABELS = 60
HARD = [
    *("loss=softmax", f"finetune.start={LABELS}", "finetune.first.epochs=40", "finetune.first.lr=2e-3"),
    "finetune.first.batch_size=16",
]


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Words of a simulation without a test set, on coloured blocks whose classes are hard to tell but easy to learn."""
    root, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(300):
        blocks = rng.integers(0, 256, (2, 2, 3)) * 0.7 + 30 + 25 * np.eye(3)[number % 3]
        file = root / f"class_{number % 3}" / f"{number:03d}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(np.clip(blocks, 0, 255).astype(np.uint8)).resize((32, 32)).save(file)
    return [
        *("pool=folder", f"pool.root={root.as_posix()}", "pool.classes=true", "backbone=timm"),
        *("backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32", "compute.workers=0"),
        *("sampler=random", "compare.sampler=null", "start.labels=20", "batch=40", f"stopping.labels={LABELS}"),
    ]


def accuracy_in_the_pool(project: Path) -> float:
    """The share of the unlabelled images that the exported predictions have right."""
    table = pd.read_csv(project / "export" / "predictions.csv")
    table = table[table["label"].isna()]
    return float((table["path"].str.partition("/")[0] == table["prediction"]).mean())


def last_row(out: str) -> tuple[float, float, float] | None:
    """The accuracy with its interval in the last row of the table at the end; None for a dash."""
    (row,) = re.findall(rf"^ +{LABELS}  +(-|[\d.]+% \[[\d.]+%, [\d.]+%\])$", out, re.MULTILINE)
    return None if row == "-" else tuple(float(share) / 100 for share in re.findall(r"[\d.]+", row))


def last_training(project: Path) -> FineTuned:
    with Ledger.open(project, read_only=True) as ledger:
        return ledger.events_of(FineTuned)[-1][1]


@pytest.mark.slow
def test_the_printed_accuracy_after_a_hard_fine_tuning_is_true(
    alframe: CommandLine, doubtful: list[str], tmp_path: Path
) -> None:
    run = alframe(*doubtful, *HARD, "holdout.fraction=0", "project=p")
    assert run.code == 0, run.err
    printed, truth = last_row(run.out), accuracy_in_the_pool(tmp_path / "p")
    trained = last_training(tmp_path / "p")
    assert trained.train_accuracy is not None and trained.train_accuracy > truth + 0.2, "it has learned them by heart"
    assert printed is not None
    assert printed[1] <= truth <= printed[2]
    assert f"{len(trained.left_out)} labelled images that fine-tuning did not use, by cross-validation" in run.out
    assert len(trained.seen or ()) + len(trained.left_out) == LABELS
    assert 9 <= len(trained.left_out) <= 15
    assert "chosen because they are hard" in run.out


QUICK = ["finetune.first.epochs=1", "finetune.again.epochs=1", "finetune.start=8", "finetune.every=20"]


def test_without_a_label_that_fine_tuning_left_out_there_is_no_accuracy(
    alframe: CommandLine, doubtful: list[str], tmp_path: Path
) -> None:
    words = [*doubtful, *QUICK, f"finetune.start={LABELS}", "holdout.fraction=0", "finetune.unseen=0", "project=p"]
    target = ["stopping=target", "stopping.at_least=0.01", "stopping.metric=accuracy", f"stopping.labels={LABELS}"]
    run = alframe(*(word for word in words if not word.startswith("stopping")), *target, "start.labels=60", "head=knn")
    assert run.code == 0, run.err
    why = f"No accuracy: the network was fine-tuned on {LABELS} of the {LABELS} labels"
    assert f"The limit of {LABELS} labels is reached, before accuracy was 0.01" in run.out
    for text in (run.out, alframe("status", "project=p").out, (tmp_path / "p" / "report.html").read_text("utf-8")):
        assert why in re.sub(r"\s+", " ", text)
        assert "by cross-validation" not in text
    assert "head=knn needs labels that the network was not fine-tuned on" in run.err
    last = alframe(*words, "finetune.unseen=0.2", "project=q", "start.labels=60")
    assert last_row(last.out) is not None, "the remedy that it names"


@pytest.mark.parametrize(
    ("more", "leaves_out"),
    [
        (["head=linear"], False),
        ([], True),
        (["finetune.unseen=0.3"], True),
        (["head=prototype"], True),
        (["head=ensemble", "head.member.name=prototype", "head.bootstrap=true"], True),
        (["sampler=active_transfer"], True),
        (["head=prototype", "finetune.unseen=0"], False),
    ],
)
def test_with_a_test_set_labels_are_left_out_only_for_what_measures_itself(
    alframe: CommandLine, doubtful: list[str], tmp_path: Path, more: list[str], leaves_out: bool
) -> None:
    run = alframe(*doubtful, *QUICK, "stopping.labels=20", *more, "project=p")
    assert run.code == 0, run.err
    assert "Accuracy on 60 held-out images" in run.out
    assert bool(last_training(tmp_path / "p").left_out) is leaves_out


def test_what_was_left_out_once_is_left_out_for_ever_and_what_came_later_counts(
    alframe: CommandLine, doubtful: list[str], tmp_path: Path
) -> None:
    words = [*doubtful, *QUICK, "holdout.fraction=0", "batch=20", "finetune.every=40", "project=p"]
    assert alframe(*words, "stopping.labels=100").code == 0
    with Ledger.open(tmp_path / "p", read_only=True) as ledger:
        trained = dict(ledger.events_of(FineTuned))
        tuned = {record.round: record.fine_tuning for record in ledger.history()}
        measured = {record.labels: record.evaluation for record in ledger.history()}
    assert sorted(trained) == [1, 3, 5] == [number for number, training in tuned.items() if training]
    assert tuned[3]["train_accuracy"] == trained[3].train_accuracy
    assert len(tuned[3]["losses"]) == 1
    assert '"train_accuracy": ' in (tmp_path / "p" / "rounds.jsonl").read_text(encoding="utf-8")
    first, second, third = trained.values()
    assert set(first.left_out) < set(second.left_out) < set(third.left_out)
    assert set(first.seen or ()) < set(second.seen or ()) < set(third.seen or ())
    assert not set(third.seen or ()) & set(third.left_out)
    assert [len(one.seen or ()) + len(one.left_out) for one in trained.values()] == [20, 60, 100]
    assert measured[20] is None or measured[20].n == len(first.left_out)
    assert [measured[labels].n for labels in (40, 60, 80, 100)] == [
        *(len(first.left_out) + 20, len(second.left_out), len(second.left_out) + 20, len(third.left_out))
    ]


def test_a_project_of_an_earlier_version_has_seen_all_that_was_answered(
    alframe: CommandLine, doubtful: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*doubtful, *QUICK, "holdout.fraction=0", "finetune.every=1000", "project=p", "start.labels=20", "batch=20"]
    read = FineTuned.from_json
    monkeypatch.setattr(FineTuned, "from_json", lambda text: replace(read(text), seen=None, left_out=()))
    run = alframe(*words, "stopping.labels=40")
    assert run.code == 0, run.err
    assert "Accuracy on 20 labelled images that fine-tuning did not use, by cross-validation" in run.out


def test_labels_that_fine_tuning_has_used_have_no_doubt(doubtful: list[str], tmp_path: Path) -> None:
    words = [*doubtful, *QUICK, "holdout.fraction=0", f"project={(tmp_path / 'p').as_posix()}"]
    with open_session(*words, "stopping.labels=60") as session:
        _, cache, fitted = run_until_stop(session)
        snapshot = take_snapshot(session, cache, fitted)
        accuracy = describe_accuracy(session)
    assert fitted is not None
    assert snapshot.predictions is not None
    training = fitted.training_labels
    known = np.isin(snapshot.predictions.keys, training.keys[training.is_unseen_by_backbone])
    np.testing.assert_array_equal(np.isfinite(snapshot.predictions.label_doubt), known)
    assert 0 < known.sum() < 60
    assert re.search(r"labels: .+, measured on \d+ labelled images that fine-tuning did not use", accuracy)
    assert "not drawn at random" in accuracy
