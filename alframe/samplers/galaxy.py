"""The sampler `galaxy`: images at the boundary of each class, as many for rare classes as for common ones."""

from __future__ import annotations

import numpy as np

from alframe.kit.scoring import require_finite
from alframe.types import Bools, Floats, Ints, Need, PoolView, Selection


class Galaxy:
    """Select images at the boundary of each class, where the order by probability goes from this class to others.

    The classes take turns. For each class, all images are put in an order by a number: the probability of the class
    minus the highest probability of the image. A gap is the part of this order between two neighbouring labelled
    images, if one of them has the class and the other does not. The middle image of the shortest gap is selected. If no
    gap has an image without a label, the unlabelled image nearest to a boundary is selected (a boundary is where the
    class of the labelled images changes). If there is no boundary, a random image is selected. There are no scores.

    In the paper, each label is known before the next choice. Here, a chosen image counts as an image of its most
    probable class. Zhang, Katz-Samuels and Nowak 2022, "GALAXY: graph-based active learning at the extreme".
    """

    needs = frozenset({Need.PROBS, Need.LABELLED_PROBS, Need.LABELS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        n, classes = view.probs.shape
        labels = np.concatenate([view.probs.argmax(axis=1), view.labels])  # likeliest classes, then known ones
        labelled = np.arange(n, len(labels))
        turns = rng.permutation(classes) if classes > 2 else [0]  # of two classes, one order is the other's reverse
        orders: dict[int, ClassOrder] = {}
        chosen: list[int] = []
        while len(chosen) < k:
            class_index = int(turns[len(chosen) % len(turns)])
            if class_index not in orders:
                orders[class_index] = ClassOrder(class_scores(view, class_index), labels == class_index, rng)
            rows = np.concatenate([labelled, np.array(chosen, np.int64)])
            chosen.append(orders[class_index].next_row_to_label(rows, rng))
        return Selection(view.keys[np.array(chosen, np.int64)])


def class_scores(view: PoolView, class_index: int) -> Floats:
    """Return the probability of class `class_index` minus the highest probability (n + m,), unlabelled images first.

    It would be zero for all images with this most probable class, so a tiny part of the probability is added.
    """
    probs = [view.probs, view.labelled_probs]
    largest = np.concatenate([array.max(axis=1) for array in probs])
    own = np.concatenate([array[:, class_index] for array in probs])
    return own if view.probs.shape[1] < 3 else own - largest + np.float32(1e-8) * largest


class ClassOrder:
    """All images ordered by their score for a class, highest first, equal scores in random order.

    `scores` (n,) are the scores of the images, and `in_class` (n,) is True for known images of the class.
    """

    def __init__(self, scores: Floats, in_class: Bools, rng: np.random.Generator) -> None:
        require_finite(scores, "class probabilities")
        shuffled = rng.permutation(len(scores))
        self._rows = shuffled[np.argsort(-scores[shuffled], kind="stable")].astype(np.int32)
        self._positions = np.empty(len(scores), np.int32)
        self._positions[self._rows] = np.arange(len(scores), dtype=np.int32)
        self._in_class = in_class

    def next_row_to_label(self, labelled: Ints, rng: np.random.Generator) -> int:
        """Return the next row to request, given the rows `labelled` (m,) so far; there must be other rows."""
        return int(self._rows[self._next_position(np.sort(self._positions[labelled]), rng)])

    def _next_position(self, labelled: Ints, rng: np.random.Generator) -> int:
        in_class = self._in_class[self._rows[labelled]]
        changes = np.flatnonzero(in_class[1:] != in_class[:-1])  # between labelled positions i and i + 1
        widths = labelled[changes + 1] - labelled[changes] - 1
        if widths.any():
            gap = int(np.where(widths > 0, widths, len(self._rows)).argmin())
            return int(labelled[changes[gap]] + 1 + (widths[gap] - 1) // 2)
        # Labelled positions that are adjacent form a block: the unlabelled positions nearest to a change of labels are
        # just outside the ends of its block.
        block = np.concatenate([[0], np.cumsum(np.diff(labelled) > 1)])
        first = np.searchsorted(block, block[changes], side="left")
        last = np.searchsorted(block, block[changes], side="right") - 1
        before, after = labelled[first] - 1, labelled[last] + 1
        positions = np.concatenate([before, after])
        distances = np.concatenate([labelled[changes + 1] - before, after - labelled[changes]])
        inside = np.flatnonzero((positions >= 0) & (positions < len(self._rows)))
        if len(inside):
            inside = rng.permutation(inside)
            return int(positions[inside[distances[inside].argmin()]])
        return int(rng.choice(np.setdiff1d(np.arange(len(self._rows)), labelled)))
