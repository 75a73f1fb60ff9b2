"""From all boxes of a detector to one for each object."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
MAX_BOXES = 300  # of one image
CANDIDATES = 3000  # the most confident boxes that are compared with each other


def keep_best_boxes(
    found: Floats, min_confidence: float, overlap: float
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Return corners (k, 4), confidences (k,) and classes (k,) of the objects in `found`, the most confident first.

    `found` (n, 4 + C) has centre, size and a score for each class. Of boxes of one class whose intersection over union
    is above `overlap`, the most confident stays (non-maximum suppression).
    """
    classes = found[:, 4:].argmax(axis=1)
    confidence = found[np.arange(len(found)), 4 + classes]
    rows = np.flatnonzero(confidence >= min_confidence)
    rows = rows[np.argsort(-confidence[rows], kind="stable")][:CANDIDATES]
    half = found[rows, 2:4] / 2
    corners = np.concatenate([found[rows, :2] - half, found[rows, :2] + half], axis=1).astype(np.float64)
    kept: list[int] = []
    left = np.arange(len(rows))
    while len(left) and len(kept) < MAX_BOXES:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        same = classes[rows[left]] == classes[rows[best]]
        left = left[~(same & (_overlaps(corners[best], corners[left]) > overlap))]
    return corners[kept], confidence[rows[kept]], classes[rows[kept]]


def _overlaps(box: Floats, boxes: Floats) -> Floats:
    """Return (n,) the intersection over union of a `box` (4,) with `boxes` (n, 4), by their corners."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=1)
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    either = np.clip(box[2:] - box[:2], 0, None).prod() + areas - both
    return np.asarray(both / np.maximum(either, np.finfo(float).tiny))
