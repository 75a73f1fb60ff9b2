"""Embeddings for a fast search of similar images: with fewer dimensions, each of length 1."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np

from alframe.kit.chunks import row_slices
from alframe.kit.clustering import unit_vectors
from alframe.kit.files import replace_atomically
from alframe.types import CampaignSnapshot, Floats

DIMENSIONS = 128  # nearest neighbours stay what they are, at a tenth of the room
_SAMPLE_SIZE = 20_000  # images from which the dimensions are found


def write_reduced_embeddings(folder: Path, snapshot: CampaignSnapshot) -> str:
    """Write the reduced embeddings (N, d), and return the file's name, or "" without embeddings.

    Nothing is written if the file of the same embeddings exists.
    """
    features = snapshot.features
    if features is None or not len(features):
        return ""
    digest = blake2b(f"{snapshot.features_version}\0{features.shape}".encode(), digest_size=6).hexdigest()
    file = folder / f"neighbours-{digest}.npy"
    if not file.exists():
        reduced = reduce_dimensions(features)
        with replace_atomically(file) as temporary, temporary.open("wb") as handle:
            np.save(handle, reduced)
        for old in folder.glob("neighbours-*.npy"):
            if old != file:
                with suppress(OSError):  # Windows, while it is read
                    old.unlink()
    return file.name


def reduce_dimensions(features: Floats) -> Floats:
    """Project the embeddings (N, D) on their DIMENSIONS main directions; return (N, d), each row of length 1.

    These are the main directions of the unit vectors around their mean. Images that cannot be read keep rows of zeros.
    """
    if features.shape[1] <= DIMENSIONS:
        return unit_vectors(np.asarray(features))
    step = max(1, len(features) // _SAMPLE_SIZE)
    sample = unit_vectors(np.asarray(features[::step]))
    _, _, directions = np.linalg.svd(np.cov(sample, rowvar=False))
    projection = directions[:DIMENSIONS].T.astype(np.float32)
    reduced = np.empty((len(features), DIMENSIONS), np.float32)
    for rows in row_slices(len(features)):
        reduced[rows] = unit_vectors(unit_vectors(np.asarray(features[rows])) @ projection)
    return reduced
