"""Embed a folder of images by a network that takes no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Compute
from alframe.engine.embedding.embed_pool import PoolEmbedding, update_pool_embedding
from alframe.engine.embedding.embedder import make_embedder
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache

_BACKBONE = {"name": "timm", "model": "test_resnet", "pretrained": False, "size": 32}


def embed_images(root: Path, folder: Path, compute: Compute) -> PoolEmbedding:
    """Embed the images below `root` on `compute`, with a store of its own in `folder`."""
    items = list(REGISTRIES["pool"].build({"name": "folder", "root": root}).items())
    embedder = make_embedder(REGISTRIES["backbone"].build(_BACKBONE), _BACKBONE, seed=0, device=compute.device())
    cache = FileCache(folder / "contents.sqlite")
    present = np.ones(len(items), np.bool_)
    return update_pool_embedding(items, present, embedder, lambda name: FeatureStore(folder / name), cache, compute)[1]
