"""Simulated campaigns: the same command, the same result; what was held out stays out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.engine.measuring.curves import area_under_curve, difference_curve, mean_curve
from alframe.errors import AlframeError, BadParams, LabelError
from alframe.loop.compare import load_comparison_histories
from alframe.loop.labels import find_standing_labels
from alframe.store.events import FineTuned
from alframe.store.ledger import Ledger
from alframe.testing.records import round_record
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState
from tests.loop.campaigns import facts, only_project


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pool(tmp_path_factory.mktemp("images"), classes=3, each=16)


def run(images: Path, runs: Path, *more: str) -> tuple[Outcome, Path]:
    words = tiny_overrides(images, runs)
    if "stopping=null" in more:
        words = [word for word in words if not word.startswith("stopping")]
    with open_session(*words, *more) as session:
        return session.task_to_run.run(session), session.folder


def test_the_same_command_elsewhere_gives_the_same_selection(images: Path, tmp_path: Path) -> None:
    first = run(images, tmp_path / "a")[1]
    second = run(images, tmp_path / "b", "compute.batch_size=32")[1]
    assert facts(first) == facts(second)
    assert facts(run(images, tmp_path / "c", "seed=1")[1])["selection"] != facts(first)["selection"]


def test_a_campaign_runs_to_its_budget(images: Path, tmp_path: Path) -> None:
    """With every other part: test_every_part.py."""
    outcome, folder = run(images, tmp_path, "sampler=bald", "head=mlp")
    assert outcome.state is OutcomeState.DONE
    with Ledger.open(folder, read_only=True) as ledger:
        asked = [key for one in ledger.stored_rounds() for key in one.keys]
        held_out = {key for key, item in enumerate(ledger.items()) if item.split == "test"}
        assert len(asked) == len(set(asked)) == len(find_standing_labels(ledger.stored_labels())) == 20
        assert held_out
        assert not held_out & set(asked)
        assert [record.labels for record in ledger.history()] == [4, 8, 12, 16, 20]


@pytest.mark.parametrize("loss", ["softmax", "triplet"])
def test_fine_tuning_changes_the_embedding_when_it_is_due(images: Path, tmp_path: Path, loss: str) -> None:
    words = ["finetune.start=8", "finetune.every=8", "finetune.first.epochs=1", "finetune.again.epochs=1"]
    _, folder = run(images, tmp_path, f"loss={loss}", *words)
    with Ledger.open(folder, read_only=True) as ledger:
        assert [(number, event.labels) for number, event in ledger.events_of(FineTuned)] == [(2, 8), (4, 16)]
        prints = [record.fingerprint for record in ledger.history()]
    assert prints[0] != prints[1] == prints[2] != prints[3] == prints[4]
    assert sorted(path.name for path in (folder / "models").iterdir()) == [
        "backbone-0002.safetensors",
        "backbone-0004.safetensors",
    ]


def test_a_finished_campaign_only_says_again_what_came_out(images: Path, tmp_path: Path) -> None:
    first, folder = run(images, tmp_path)
    before = (folder / "ledger.sqlite").read_bytes()
    again, _ = run(images, tmp_path)
    assert again.message.endswith(first.message)
    assert again.value == first.value
    assert (folder / "ledger.sqlite").read_bytes() == before


def test_target_stops_early_and_an_exhausted_pool_stops_too(images: Path, tmp_path: Path) -> None:
    outcome, folder = run(images, tmp_path, "stopping=target", "stopping.labels=null", "stopping.at_least=0.5")
    with Ledger.open(folder, read_only=True) as ledger:
        reached = [one.evaluation.accuracy >= 0.5 for one in ledger.history() if one.evaluation]
    assert reached[-1]
    assert not any(reached[:-1])
    outcome, folder = run(images, tmp_path, "stopping=null", "batch=17")
    assert outcome.message.startswith("No images are left to request: all readable images are labelled.")


def test_the_budget_is_not_overshot(images: Path, tmp_path: Path) -> None:
    _, folder = run(images, tmp_path, "stopping.labels=10", "start.labels=3")
    with Ledger.open(folder, read_only=True) as ledger:
        assert [len(one.keys) for one in ledger.stored_rounds()] == [3, 4, 3]


def test_bursts_are_never_cut_by_the_held_out_split(tmp_path: Path) -> None:
    images = tiny_pool(tmp_path / "images", classes=3, each=12)
    rows = ["path,label,sequence"] + [
        f"{path.relative_to(images).as_posix()},{path.parent.name},{path.parent.name}-{number // 3}"
        for folder in sorted(images.iterdir())
        for number, path in enumerate(sorted(folder.iterdir()))
    ]
    (images / "list.csv").write_text("\n".join(rows))
    words = [word for word in tiny_overrides(images, tmp_path) if not word.startswith("pool")]
    csv = ["pool=csv", f"pool.file={images}/list.csv", "pool.label_column=label", "pool.sequence_column=sequence"]
    with open_session(*words, *csv) as session:
        session.task_to_run.run(session)
        items = session.ledger.items()
    sides: dict[str, set[str]] = {}
    for item in items:
        sides.setdefault(str(item.sequence), set()).add(item.split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert {split for splits in sides.values() for split in splits} == {"pool", "test"}


def test_a_comparison_starts_alike_and_is_paired(images: Path, tmp_path: Path) -> None:
    words = [word for word in tiny_overrides(images, tmp_path) if not word.startswith("compare")]
    with open_session(*words, "compare.seeds=2") as session:
        outcome = session.task_to_run.run(session)
        histories = load_comparison_histories(session)
        folder = session.folder
        embedded = list((session.cache_folder / "features").iterdir())
    assert len(embedded) == 1, "random weights are the same for all that is compared"
    assert {name: len(runs) for name, runs in histories.items()} == {"uherding_bursts": 2, "random": 2}
    assert "means over 2 seeds" in outcome.message
    for seed in (0, 1):
        ours = facts(folder if seed == 0 else next(folder.glob(f"compare/uherding_bursts-seed{seed}-*")))
        theirs = facts(next(folder.glob(f"compare/random-seed{seed}-*")))
        assert ours["item"] == theirs["item"]
        starts = [[row for row in one["selection"] if row[0] == 1] for one in (ours, theirs)]
        assert starts[0] == starts[1]
        assert ours["selection"] != theirs["selection"]


def test_an_image_that_cannot_be_read_is_left_out_and_the_run_goes_on(tmp_path: Path) -> None:
    images = tiny_pool(tmp_path / "images", classes=3, each=12)
    (images / "class_1" / "004.png").write_bytes(b"\x89PNG not really")
    _, folder = run(images, tmp_path)
    with Ledger.open(folder, read_only=True) as ledger:
        ((key, reason),) = ledger.unreadable_reasons().items()
        assert ledger.items()[key].id == "class_1/004.png"
    with open_session(*tiny_overrides(images, tmp_path), "task=status") as session:
        message = session.task_to_run.run(session).message
    assert f"class_1/004.png: {reason}" in message


def test_area_and_averages_by_hand() -> None:
    runs = [
        [round_record(1, labels=10, accuracy=0.5), round_record(2, labels=30, accuracy=0.7)],
        [round_record(1, labels=10, accuracy=0.3), round_record(2, labels=30, accuracy=0.9)],
    ]
    assert area_under_curve(runs[0]) == pytest.approx(0.6)
    curve = mean_curve("margin", runs)
    assert (curve.labels, curve.mean) == ([10, 30], pytest.approx([0.4, 0.8]))
    # Student's t with one degree of freedom is 12.706 at 97.5 %; the standard error is 0.1. Cut to 0..1.
    assert (curve.low, curve.high) == ([0.0, 0.0], [1.0, 1.0])
    gap = difference_curve(runs, [runs[1], runs[0]])
    assert gap.mean == pytest.approx([0.0, 0.0])
    assert (gap.low, gap.high) == ([-1.0, -1.0], [1.0, 1.0])
    near = [[round_record(1, labels=10, accuracy=share)] for share in (0.52, 0.3)]
    close = difference_curve([run[:1] for run in runs], near)  # -0.02 and 0: the standard error is 0.01
    assert (close.mean[0], close.high[0]) == pytest.approx((-0.01, -0.01 + 12.706 * 0.01), rel=1e-3)


def test_the_ledger_says_what_was_run_with_what(images: Path, tmp_path: Path) -> None:
    folder = run(images, tmp_path)[1]
    with Ledger.open(folder, read_only=True) as ledger:
        config = ledger.latest_config()
        assert config is not None
        assert config["recipes"]["backbone"]["model"] == "test_resnet"
        versions, owners = ledger.raw_rows("round", ["versions", "owners"])[0]
    assert json.loads(versions)["torch"]
    assert json.loads(owners)["sampler:uherding_bursts"].startswith("alframe ")
    assert only_project(tmp_path) == folder


def test_another_configuration_in_the_same_folder_is_refused(images: Path, tmp_path: Path) -> None:
    project = f"project={(tmp_path / 'p').as_posix()}"
    run(images, tmp_path, project)
    for change, named in (
        ("sampler=random", r"sampler \(uherding_bursts\)"),
        ("backbone.size=40", r"backbone \(backbone\.size=32\)"),
        ("head=mlp", "head"),
        ("seed=3", "seed"),
        ("batch=7", "batch"),
        ("per_sequence=2", "per_sequence"),
        ("start.labels=5", r"start\.labels"),
        ("classes=[bear]", "classes"),
    ):
        with pytest.raises(BadParams, match=f"started with a different {named}"):
            run(images, tmp_path, project, change)
    run(images, tmp_path, project, "stopping.labels=24")


def test_what_cannot_work_ends_before_an_image_is_read(tmp_path: Path) -> None:
    wrong = {"compare.sampler=rnadom": "Did you mean 'random'", "compare.sampler=bald": "Suitable heads: ensemble",
             "start.sampler=margin": "start.sampler=random", "sampler=bald": "sampler=bald head=laplace"}  # fmt: skip
    for word, message in wrong.items():
        with pytest.raises(AlframeError, match=message):
            run(tmp_path / "no such folder", tmp_path, word)


def test_a_simulation_without_truth_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"no answer: .*class_"):
        run(tiny_pool(tmp_path / "images"), tmp_path, "pool.classes=false")
