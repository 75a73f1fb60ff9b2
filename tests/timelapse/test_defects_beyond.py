"""Every known defect of the tool that came before has a test, named by its number: here those beyond Timelapse."""

from __future__ import annotations

import csv
import sys
import time
import tracemalloc
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL.Image
import pytest
import torch

from alframe.app.api import open_session
from alframe.engine.model import Model, load_model
from alframe.samplers.kcenter import KCenter
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Need, PoolView
from tests.loop.campaigns import facts
from tests.timelapse import test_defects
from tests.timelapse.conftest import picture
from tests.timelapse.lab import Lab, defect

# Nothing of ours could have these: a network's speed on a processor, helpers that nothing calls, a package index.
ELSEWHERE = {"A9.10", "A9.13", "A9.14"}


@defect("A9.01")
def test_the_exported_model_predicts_what_the_campaign_predicted(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]", "exporter=[model,predictions]", "start.labels=8", "stopping=budget")
    lab.run("stopping.labels=8")
    lab.answer(1)
    lab.run("stopping.labels=8")
    model = load_model(lab.project / "export" / "model")
    with (lab.project / "export" / "predictions.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    probs = model.predict_probs([lab.images / row["path"] for row in rows])
    best = [model.classes[at] for at in probs.argmax(axis=1)]
    assert len(rows) == len(lab.truth)
    assert [row["prediction"] for row in rows] == best


@defect("A9.03")
def test_the_same_seed_gives_the_same_campaign(tmp_path: Path) -> None:
    told = []
    for name in ("one", "two"):
        lab = Lab(tmp_path / name, "classes=[boar,deer,fox]")
        lab.run()
        lab.answer(1)
        lab.run()
        told.append({table: rows for table, rows in facts(lab.project).items() if table != "round"})
    assert told[0] == told[1]


@defect("A9.04")
def test_another_project_asks_its_own_question(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    lab.answer(1)
    lab.run()
    other = Lab(tmp_path, "classes=[boar,deer,fox]", "seed=7")
    other.project = tmp_path / "other"
    other.words.append(f"project={other.project.as_posix()}")
    other.run()
    assert other.rounds() == 1 and other.labels() == {}
    assert other.asked(1) != lab.asked(1)


@defect("A9.07")
def test_a_start_decodes_nothing_that_it_has_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]", each=20)
    lab.run()
    lab.answer(1)
    lab.run()
    opened: list[object] = []
    real = PIL.Image.open

    def counting(file: object, *args: object, **kwargs: object) -> object:
        opened.append(file)
        return real(file, *args, **kwargs)

    monkeypatch.setattr(PIL.Image, "open", counting)
    lab.run()
    lab.answer(2)
    lab.run()
    # Images that are waited for are looked at, and some are shown in the report.
    assert len(opened) < len(lab.truth) / 2


@defect("A9.08", "A9.09")
def test_choosing_takes_neither_the_memory_nor_the_time_of_all_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pool, labelled = 20_000, 4_000
    fields = {Need.FEATURES: pool, Need.LABELLED_FEATURES: labelled}
    view = PoolView(np.arange(pool), {need: rng.normal(size=(n, 8)).astype(np.float32) for need, n in fields.items()})
    KCenter().select(view, 1, rng)  # imports
    tracemalloc.start()
    began = time.process_time()
    chosen = KCenter().select(view, 20, rng)
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(chosen.keys.tolist())) == 20
    assert peak < pool * labelled * 8 / 10
    assert seconds < 10


@defect("A9.02")
def test_held_out_images_decide_nothing_about_the_model(tmp_path: Path) -> None:
    probs = []
    for name, spoilt in (("clean", False), ("spoilt", True)):
        root = tiny_pool(tmp_path / name / "images", classes=2, each=12)
        test = tiny_pool(tmp_path / name / "test", classes=2, each=4, seed=5)
        if spoilt:
            for file in test.glob("*/*.png"):
                picture(file.with_suffix(".jpg"))
                file.unlink()
        words = [*tiny_overrides(root, tmp_path / name), f"pool.test_root={test.as_posix()}", "exporter=[model]"]
        with open_session(
            *words, "stopping.labels=8", f"project={(tmp_path / name / 'project').as_posix()}"
        ) as session:
            session.task_to_run.run(session)
        model = load_model(tmp_path / name / "project" / "export" / "model")
        probs.append(model.predict_probs(sorted((tmp_path / "clean" / "images").glob("*/*.png"))))
    np.testing.assert_array_equal(probs[0], probs[1])


@defect("A9.12")
def test_the_learning_rate_is_the_one_asked_for_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    adam = torch.optim.Adam

    def noted(parameters: object, lr: float, **more: object) -> object:
        rates.append(lr)
        return adam(parameters, lr=lr, **more)

    monkeypatch.setattr(torch.optim, "Adam", noted)
    lab = Lab(tmp_path, "classes=[boar,deer,fox]", "finetune.start=4", "finetune.every=4", "finetune.first.epochs=1")
    lab.words.append("finetune.again.epochs=1")
    lab.run()
    lab.answer(1)
    lab.run("finetune.first.lr=1e-4")
    lab.answer(2)
    lab.run("finetune.again.lr=5e-3", "finetune.first.lr=1e-4")
    assert (rates[0], rates[-1]) == (1e-4, 5e-3)


@defect("A9.06")
def test_an_exported_model_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]", "exporter=[model]")
    lab.run()
    lab.answer(1)
    lab.run("task=export")
    folder = lab.project / "export" / "model"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    lab.run()
    lab.answer(2)
    save = Model.save

    def dies(model: Model, where: Path) -> None:
        save(model, where)
        next(iter(where.glob("*.safetensors"))).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Model, "save", dies)
        lab.run("task=export")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    lab.run("task=export")
    assert load_model(folder).classes


def numbers(module: ModuleType) -> set[str]:
    """The defects that a module's tests are marked with."""
    marks = [mark for test in vars(module).values() for mark in getattr(test, "pytestmark", ())]
    return {number for mark in marks for param in mark.args[1] for number in param.id.split("+")}


def test_no_defect_is_left_out() -> None:
    wanted = {f"6.2-{number:02d}" for number in range(1, 20)} | {f"A7.{number}" for number in range(1, 11)}
    wanted |= {f"A9.{number:02d}" for number in range(1, 15)} - ELSEWHERE
    assert numbers(test_defects) | numbers(sys.modules[__name__]) == wanted
