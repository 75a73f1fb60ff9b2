"""On real images the default sampler is better than random choice, in the mean over five seeds."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from alframe.app.api import open_session
from alframe.engine.measuring.curves import area_under_curve
from alframe.loop.compare import load_comparison_histories

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cifar(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cifar")
    with zipfile.ZipFile(shared_data / "cifar10-imbalanced" / "cifar10-imbalanced.zip") as archive:
        archive.extractall(folder)
    return folder / "cifar10-imbalanced"


def words(root: Path, batch: int, labels: int) -> list[str]:
    """From 20 labels to a tenth of the pool."""
    places = [f"pool.root={root / 'pool'}", f"pool.test_root={root / 'test'}"]
    return ["pool=folder", "pool.classes=true", *places, f"batch={batch}", f"stopping.labels={labels}"]


@pytest.mark.parametrize("name", ["missouri-camtrap", "caltech101-animals", "cifar10-imbalanced"])
def test_the_default_beats_random(name: str, shared_data: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    batch, labels = {"missouri-camtrap": (7, 41), "caltech101-animals": (13, 72)}.get(name, (58, 600))
    root = request.getfixturevalue("cifar") if name.startswith("cifar") else shared_data / name
    with open_session(*words(root, batch, labels), f"project={tmp_path / 'campaign'}") as session:
        session.task_to_run.run(session)
        histories = load_comparison_histories(session)
    areas = {sampler: np.mean([area_under_curve(history) for history in runs]) for sampler, runs in histories.items()}
    assert len(histories["uherding_bursts"]) == len(histories["random"]) == 5
    assert areas["uherding_bursts"] > areas["random"], areas
