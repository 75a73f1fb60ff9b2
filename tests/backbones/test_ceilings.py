"""The packaged weights give the accuracy known for them: a wrong normalisation or padding costs points in silence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from alframe.allocator import keep_freed_memory
from alframe.backbones.efficientnet_lite import EfficientNetLite
from alframe.data.loading import load_batches, normalise_pixels
from alframe.types import Item


def embed(paths: Sequence[Path]) -> np.ndarray:
    backbone = EfficientNetLite()
    module = backbone.module(0).to(memory_format=torch.channels_last)
    keep_freed_memory()
    items = [Item(path.name, path) for path in paths]
    batches = [list(range(start, min(start + 32, len(items)))) for start in range(0, len(items), 32)]
    with torch.inference_mode():
        return np.concatenate(
            [
                module(normalise_pixels(b.pixels, backbone.input_spec, "cpu")).numpy()
                for b in load_batches(items, backbone.input_spec, batches, 1)
            ]
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "accuracy"), [("caltech101-animals", 98.7), ("missouri-camtrap", 53.1)])
def test_linear_probe(shared_data: Path, name: str, accuracy: float) -> None:
    files = {split: sorted((shared_data / name / split).glob("*/*.jpg")) for split in ("pool", "test")}
    features = {split: embed(paths) for split, paths in files.items()}
    labels = {split: [path.parent.name for path in paths] for split, paths in files.items()}
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    probe.fit(features["pool"], labels["pool"])
    score = 100 * probe.score(features["test"], labels["test"])
    print(f"{name}: {score:.1f} %")
    assert score == pytest.approx(accuracy, abs=1.5)
