"""Features of real images, for benchmarks that use artificial clusters by default.

python -m benchmarks.real --images FOLDER --out FOLDER      # features.npy (n, D) and classes.npy (n,)

`FOLDER` holds a folder for each class, as deep as `--class-level` says; the backbone is efficientnet_lite0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.engine.embedding.embed_pool import cut_batches
from alframe.engine.embedding.embedder import embed_batches, make_embedder
from alframe.progress import track
from alframe.types import Floats, Ints

BATCH = 32
RECIPE = {"name": "efficientnet_lite", "variant": 0}


def features(images: Path, class_level: int) -> tuple[Floats, Ints]:
    """Return the embeddings (n, D) of the images below a folder, and their class numbers (n,)."""
    pool = {"name": "folder", "root": images, "classes": True, "class_level": class_level}
    items = list(REGISTRIES["pool"].build(pool).items())
    embedder = make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, 0, "cpu")
    batches, _ = cut_batches([len(items)], BATCH)
    passed = embed_batches(embedder, items, batches, workers=2)
    found = [(batch.readable_rows, x) for batch, x in track(passed, "Embedding", total=len(batches), unit="batch")]
    classes = np.unique([str(item.label) for item in items], return_inverse=True)[1]
    return np.concatenate([x for _, x in found]), classes[[row for good, _ in found for row in good]]


def resampled(x: Floats, n: int, dim: int, seed: int) -> Floats:
    """Draw rows (n, dim) from `x` on its first `dim` principal axes, with noise of up to half a standard deviation.

    There may be more rows than images, and no two rows are equal. The strength of the noise is random too.
    """
    rng = np.random.default_rng(seed)
    centred = x - x.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    x = x @ axes[:, : -dim - 1 : -1]  # not around the mean: where 0 lies matters to the products
    out: Floats = x[rng.integers(len(x), size=n)]
    spread = x.std(axis=0) * np.float32(0.5)
    for start in range(0, n, 8192):
        part = out[start : start + 8192]
        part += rng.normal(size=part.shape).astype(np.float32) * spread * rng.random((len(part), 1), np.float32)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--class-level", type=int, default=1, help="folders below IMAGES, counted from 1")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    x, y = features(options.images, options.class_level)
    options.out.mkdir(parents=True, exist_ok=True)
    np.save(options.out / "features.npy", x)
    np.save(options.out / "classes.npy", y)


if __name__ == "__main__":
    main()
