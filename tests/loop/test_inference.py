"""A campaign whose embeddings another engine makes, from the pool to what is predicted with its model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import alframe
from alframe.app.api import open_session
from alframe.errors import BadParams
from alframe.settings import Inference, configuration_digest, settings_as_stored
from alframe.settings.stored import to_plain
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState

ONNX = "inference.engine=onnxruntime"
onnx = pytest.mark.skipif(
    not all(map(find_spec, ("onnxruntime", "onnxscript"))), reason="not installed: onnxruntime, onnxscript"
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pool(tmp_path_factory.mktemp("images"), classes=3, each=16)


def run(images: Path, runs: Path, *more: str) -> tuple[Outcome, Path]:
    with open_session(*tiny_overrides(images, runs), "stopping.labels=8", *more) as session:
        return session.task_to_run.run(session), session.folder


def fingerprints(folder: Path) -> list[str]:
    with Ledger.open(folder, read_only=True) as ledger:
        return [record.fingerprint for record in ledger.history()]


@onnx
@pytest.mark.slow
def test_from_the_pool_to_predictions(images: Path, tmp_path: Path) -> None:
    words = ["finetune.start=8", "finetune.first.epochs=1"]
    outcome, folder = run(images, tmp_path, *words, ONNX)
    assert outcome.state is OutcomeState.DONE
    before, after = fingerprints(folder)
    assert before != after, "trained weights give other features"
    plain = fingerprints(run(images, tmp_path, *words)[1])
    assert not {before, after} & set(plain), "features of two engines are kept apart"
    kept = {path.name for path in (tmp_path / "cache" / "features").iterdir()}
    assert {before, after, *plain} <= kept
    told = [f"task.images={images.as_posix()}", f"task.out={(tmp_path / 'out').as_posix()}"]
    assert "48 images predicted" in run(images, tmp_path, *words, ONNX, "task=predict", *told)[0].message
    assert {path.name for path in (tmp_path / "cache" / "features").iterdir()} == kept, "they were there already"
    assert alframe.load_model(folder / "export" / "model").predict_probs(sorted(images.rglob("*.png"))[:3]).shape == (
        3,
        3,
    )


def test_a_simulation_has_one_engine(images: Path, tmp_path: Path) -> None:
    project = f"project={(tmp_path / 'p').as_posix()}"
    run(images, tmp_path, project)
    with pytest.raises(BadParams, match="started with a different inference"):
        run(images, tmp_path, project, "inference.precision=bf16")


def test_campaigns_from_before_there_was_a_choice_keep_their_folders(images: Path, tmp_path: Path) -> None:
    with open_session(*tiny_overrides(images, tmp_path), "sampler=uherding") as session:
        settings, recipes = session.settings, session.recipes
    assert settings.inference == Inference()
    others = [Inference("auto"), Inference("compile"), Inference("eager", "bf16")]
    digests = {configuration_digest(dataclasses.replace(settings, inference=one), recipes) for one in others}
    assert len({configuration_digest(settings, recipes), *digests}) == 4
    decided = settings_as_stored(settings)
    del decided["inference"], decided["duplicates"]  # neither was there
    parts = {kind: recipe for kind, recipe in recipes.items() if kind not in ("compute", "tracker", "task")}
    parts["sampler"] = {key: value for key, value in parts["sampler"].items() if key != "objective"}  # nor was it
    before = json.dumps([decided, to_plain(parts)], sort_keys=True, default=str).encode()
    assert configuration_digest(settings, recipes) == hashlib.blake2b(before, digest_size=16).hexdigest()
