"""Images far from all that is labelled, and from each other: the greedy core-set."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from alframe.compat import import_faiss
from alframe.kit.scoring import require_finite
from alframe.samplers.distance_bounds import first_distances, mean_row, row_sums, squared_distances
from alframe.samplers.greedy_kcenter import Known, Pool
from alframe.types import Need, PoolView, Selection

log = logging.getLogger(__name__)


class KCenter:
    """Again and again the image whose nearest labelled or chosen one is farthest, by Euclidean distance; exact.

    Sener and Savarese 2018, "Active learning for convolutional neural networks: a core-set approach" (their greedy
    k-center). With nothing labelled it starts at the image nearest the mean. Of images that are equally far the first
    in the pool is chosen. Scores are the distances at the moment of choice. With `faiss`, a FAISS that has a GPU
    measures the distances to the labelled images; on a CPU numpy is faster. From round to round the object remembers
    distances, 20 bytes an image: they make the next choice faster, and never another one.
    """

    needs = frozenset({Need.FEATURES, Need.LABELLED_FEATURES})

    def __init__(self, faiss: bool = True) -> None:
        self.faiss = faiss
        self._known = Known()

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract; `rng` plays no part."""
        x, labelled = view.lazy_features, np.asarray(view.labelled_features, np.float32)
        k = min(k, len(view))
        if k <= 0:
            return Selection(view.keys[:0], np.empty(0, np.float32))
        require_finite(row_sums(labelled), "kcenter", "embeddings", "labelled images")
        if not len(labelled):
            require_finite(row_sums(x), "kcenter", "embeddings")
            start = int(squared_distances(x, mean_row(x)).argmin())
            pool = Pool(x, first_distances(x, np.asarray(x[[start]], np.float32)))
            rows, squares = pool.farthest_first(k - 1, taken=[start])
            radius = squared_distances(x, np.asarray(x[start], np.float32)).max()
            rows, squares = np.concatenate([[start], rows]), np.concatenate([[radius], squares])
        else:
            with np.errstate(invalid="ignore", over="ignore"):  # of what the next line refuses
                bounds, sums = self._known.recall(view.keys, x, labelled, self._gpu())
            require_finite(sums, "kcenter", "embeddings")
            rows, squares = Pool(x, bounds).farthest_first(k)
            self._known.keep(view.keys, sums, bounds)
        return Selection(view.keys[rows], np.sqrt(squares, dtype=np.float32))

    def _gpu(self) -> Any | None:
        """FAISS, if it has a GPU to work on."""
        if not self.faiss:
            return None
        import torch

        if not torch.cuda.is_available():
            return None
        try:
            faiss = import_faiss()
        except ImportError as error:
            log.warning("faiss cannot be imported (%s): kcenter goes on with numpy.", error)
            return None
        return faiss if hasattr(faiss, "get_num_gpus") and faiss.get_num_gpus() > 0 else None
