"""Images at the end of each class, the rare as often as the common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alframe.kit.scoring import require_finite
from alframe.types import Floats, Ints, Need, PoolView, Selection


class Galaxy:
    """For each class in turn, the middle of the shortest gap between labelled images of it and of others.

    Zhang, Katz-Samuels and Nowak 2022, "GALAXY: graph-based active learning at the extreme": for each class, the images
    labelled or not are put in a row by its probability less the highest of the image. In a gap, neighbouring labelled
    images are of the class and not: it is halved. Where no gap is left, the image nearest to where labels change is
    taken; where none changes, any. The paper gets each label at once. Here, of images chosen in the same batch, the
    likeliest class stands in for it; with k = 1 there is no difference. No scores.
    """

    needs = frozenset({Need.PROBS, Need.LABELLED_PROBS, Need.LABELS})

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        require_finite(view.probs.sum(axis=1), "galaxy", "class probabilities")
        require_finite(view.labelled_probs.sum(axis=1), "galaxy", "class probabilities", "labelled images")
        n, classes = view.probs.shape
        labels = np.concatenate([view.probs.argmax(axis=1), view.labels])  # what stands in, and what is known
        known = np.arange(n, len(labels))
        turns = rng.permutation(classes) if classes > 2 else [0]  # of two classes, one row is the other's turned round
        lines: dict[int, Line] = {}
        chosen: list[int] = []
        while len(chosen) < min(k, n):
            number = int(turns[len(chosen) % len(turns)])
            if number not in lines:
                lines[number] = Line(closeness(view, number), labels == number, rng)
            row = lines[number].ask(np.concatenate([known, np.array(chosen, np.int64)]), rng)
            chosen.append(row)
        return Selection(view.keys[np.array(chosen, np.int64)])


def closeness(view: PoolView, number: int) -> Floats:
    """(n + m,) of unlabelled and labelled images: the probability of the class less the likeliest's.

    Zero for all that look like it most: those are in the order of their probability.
    """
    probs = [view.probs, view.labelled_probs]
    most = np.concatenate([part.max(axis=1) for part in probs])
    mine = np.concatenate([part[:, number] for part in probs])
    return mine if view.probs.shape[1] < 3 else mine - most + np.float32(1e-8) * most


class Line:
    """All images in the order of their closeness to a class, the closest first, equal ones in random order."""

    def __init__(self, close: Floats, of_class: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
        shuffled = rng.permutation(len(close))
        self._rows = shuffled[np.argsort(-close[shuffled], kind="stable")].astype(np.int32)
        self._places = np.empty(len(close), np.int32)
        self._places[self._rows] = np.arange(len(close), dtype=np.int32)
        self._of_class = of_class

    def ask(self, known: Ints, rng: np.random.Generator) -> int:
        """The row to ask for, if the rows `known` (m,) are labelled already; there must be others."""
        return int(self._rows[self._place(np.sort(self._places[known]), rng)])

    def _place(self, labelled: Ints, rng: np.random.Generator) -> int:
        here = self._of_class[self._rows[labelled]]
        changes = np.flatnonzero(here[1:] != here[:-1])  # between labelled place i and i + 1
        width = labelled[changes + 1] - labelled[changes] - 1
        if width.any():
            gap = int(np.where(width > 0, width, len(self._rows)).argmin())
            return int(labelled[changes[gap]] + 1 + (width[gap] - 1) // 2)
        # Blocks of labelled places side by side: beyond their ends are the unlabelled ones nearest to each change.
        block = np.concatenate([[0], np.cumsum(np.diff(labelled) > 1)])
        first = np.searchsorted(block, block[changes], side="left")
        last = np.searchsorted(block, block[changes], side="right") - 1
        before, after = labelled[first] - 1, labelled[last] + 1
        places = np.concatenate([before, after])
        away = np.concatenate([labelled[changes + 1] - before, after - labelled[changes]])
        inside = np.flatnonzero((places >= 0) & (places < len(self._rows)))
        if len(inside):
            inside = rng.permutation(inside)
            return int(places[inside[away[inside].argmin()]])
        free = np.ones(len(self._rows), bool)
        free[labelled] = False
        return int(rng.choice(np.flatnonzero(free)))
