"""A pool that can be learned in a second, and the overrides that run a campaign on it, for fast tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

# Hues far enough apart that even a network with random weights keeps them apart.
_COLOURS = ((200, 60, 50), (60, 160, 70), (60, 90, 200), (200, 180, 60), (150, 70, 170))


def tiny_pool(root: Path, classes: int = 3, each: int = 16, size: int = 24, seed: int = 0) -> Path:
    """Write ``root/<class>/<n>.png``, noisy patches in one colour for each class, and return `root`."""
    rng = np.random.default_rng(seed)
    for label in range(classes):
        folder = root / f"class_{label}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(each):
            noise = rng.normal(0, 40, (size, size, 3))
            pixels = np.clip(np.array(_COLOURS[label]) + noise + rng.normal(0, 25, 3), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return root


def tiny_overrides(root: Path, runs: Path) -> list[str]:
    """Return overrides for a simulated campaign on `tiny_pool` that takes a second or two."""
    return [
        "pool=folder",
        f"pool.root={root.as_posix()}",
        "pool.classes=true",
        "backbone=timm",
        "backbone.model=test_resnet",
        "backbone.pretrained=false",
        "backbone.size=32",
        "compute.workers=0",
        "batch=4",
        "start.labels=4",
        "stopping.labels=20",
        "compare.sampler=null",
        f"runs={runs.as_posix()}",
    ]
