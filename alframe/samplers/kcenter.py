"""The sampler `kcenter`: images that are far from all labelled images and from each other."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from alframe.kit.libraries import import_faiss
from alframe.kit.scoring import require_finite, require_measurable
from alframe.samplers.distance_bounds import initial_bounds, mean_of_rows, squared_distances_to
from alframe.samplers.distance_cache import DistanceCache
from alframe.samplers.farthest_first import FarthestFirst
from alframe.types import Need, PoolView, Selection

log = logging.getLogger(__name__)


class KCenter:
    """Select the image that is farthest from all labelled and selected images, and repeat. Distances are exact.

    Distances are Euclidean. If no image is labelled, the first image is the image nearest to the mean. If several
    images are equally far, the first one in the pool is selected. The score of an image is its distance when it is
    selected. The sampler keeps distances between rounds (20 bytes for each image). This makes the next choice faster
    and does not change it. Sener and Savarese 2018, "Active learning for convolutional neural networks: a core-set
    approach" (their greedy k-center).
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, faiss: bool = True) -> None:
        self.faiss = faiss
        self._cache = DistanceCache()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract. `rng` is not used."""
        x, labelled = view.lazy_features, np.asarray(view.labelled_features, np.float32)
        require_measurable(labelled, "embeddings", "labelled images")
        if not len(labelled):
            distances = squared_distances_to(x, mean_of_rows(x))
            require_finite(distances, "embeddings", "unlabelled images")
            first = int(distances.argmin())
            bounds = initial_bounds(x, np.asarray(x[[first]], np.float32))
            rows, squared = FarthestFirst(x, bounds).choose(k - 1, excluded=[first])
            radius = squared_distances_to(x, np.asarray(x[first], np.float32)).max()
            rows, squared = np.concatenate([[first], rows]), np.concatenate([[radius], squared])
        else:
            with np.errstate(invalid="ignore", over="ignore"):  # of numbers that the next line refuses
                bounds, checksums = self._cache.bounds_and_checksums(view.keys, x, labelled, self._gpu_faiss())
            require_finite(bounds.upper, "embeddings", "unlabelled images")
            rows, squared = FarthestFirst(x, bounds).choose(k)
            self._cache.update(view.keys, checksums, bounds)
        return Selection(view.keys[rows], np.sqrt(squared, dtype=np.float32))

    def _gpu_faiss(self) -> Any | None:
        """Return the module FAISS if it can use a GPU, else None."""
        if not self.faiss:
            return None
        try:
            faiss = import_faiss()
        except ImportError as error:
            import torch

            if torch.cuda.is_available():
                log.warning("sampler 'kcenter' measures distances by numpy: faiss cannot be imported (%s).", error)
            return None
        # Without a GPU, faiss says so at once; to ask torch, it would have to be imported, which takes over a second.
        return faiss if hasattr(faiss, "get_num_gpus") and faiss.get_num_gpus() > 0 else None
