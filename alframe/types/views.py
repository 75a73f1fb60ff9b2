"""What a sampler sees, and what it answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.errors import UnmetNeed
from alframe.types.images import Floats, Ints

Predict = Callable[[Floats], Floats]  # a fitted head: embeddings (r, D) to class probabilities (r, C)


class Need(enum.Enum):
    """What a sampler may ask the engine to compute; each is a field of PoolView."""

    FEATURES = "features"
    LABELLED_FEATURES = "labelled_features"
    LABELS = "labels"
    PROBS = "probs"
    LABELLED_PROBS = "labelled_probs"
    PROB_SAMPLES = "prob_samples"
    ACTIVATIONS = "activations"
    PREDICT = "predict"
    GROUPS = "groups"
    REWARDS = "rewards"


class Rows:
    """Rows of `source` (N, D), those numbered `at` (n,) or all, read where they are indexed: never copied as a whole.

    ``rows[3:9]``, ``rows[numbers]`` and ``rows[mask]`` give (r, D), ``rows[7]`` gives (D,).
    """

    def __init__(self, source: Floats, at: Ints | None = None) -> None:
        self._source = source.view()
        self._source.flags.writeable = False
        self._at = at

    def __len__(self) -> int:
        return len(self._source) if self._at is None else len(self._at)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self._source.shape[1]

    def __getitem__(self, rows: int | slice | npt.NDArray[Any] | Sequence[int]) -> Floats:
        found: Floats = self._source[rows if self._at is None else self._at[rows]]
        return found

    def only(self, kept: npt.NDArray[np.bool_]) -> Rows:
        """Those of the mask `kept` (n,)."""
        return Rows(self._source, np.flatnonzero(kept) if self._at is None else self._at[kept])

    def whole(self) -> Floats:
        """(n, D) all of them, in memory, unless `source` has just these."""
        return self[:]


class PoolView:
    """What a sampler sees: `ids` (n,) always, and of the rest exactly what it declared in `needs`.

    Reading anything else raises UnmetNeed, so that the engine computes only what is used. All arrays are read-only.
    """

    def __init__(
        self, ids: Ints, fields: Mapping[Need, npt.NDArray[Any] | Rows] | None = None, predict: Predict | None = None
    ) -> None:
        self.ids = ids.view()
        self._predict = predict
        self._fields: dict[Need, npt.NDArray[Any]] = {}
        self._rows: Rows | None = None
        self._whole: Floats | None = None
        for need, value in (fields or {}).items():
            if need is Need.FEATURES:
                self._rows = value if isinstance(value, Rows) else Rows(value)
            elif not isinstance(value, Rows):
                self._fields[need] = value.view()
        for array in (self.ids, *self._fields.values()):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, rows: npt.NDArray[np.bool_]) -> PoolView:
        """The view of these rows (n,) alone; what is about labelled items stays."""
        if rows.all():
            return self
        self._whole = None  # one copy of the pool at a time
        axis = dict.fromkeys((Need.PROBS, Need.ACTIVATIONS, Need.GROUPS), 0) | {Need.PROB_SAMPLES: 1}
        kept: dict[Need, npt.NDArray[Any] | Rows] = {
            need: np.compress(rows, value, axis=axis[need]) if need in axis else value
            for need, value in self._fields.items()
        }
        if self._rows is not None:
            kept[Need.FEATURES] = self._rows.only(rows)
        return PoolView(self.ids[rows], kept, self._predict)

    def taking(self, rows: npt.NDArray[np.bool_], rest: npt.NDArray[np.bool_]) -> PoolView:
        """The view of the `rest` (n,) once `rows` (n,) are chosen: a sampler that keeps its distance from what is
        labelled keeps it from them, unless it looks at the labels too, which they do not have yet.
        """
        left = self.only(rest)
        blind = Need.LABELLED_FEATURES not in self._fields or self._rows is None
        if blind or {Need.LABELS, Need.LABELLED_PROBS} & self._fields.keys():
            return left
        near = np.concatenate([self._fields[Need.LABELLED_FEATURES], self.feature_rows[rows]])
        fields: dict[Need, npt.NDArray[Any] | Rows] = {**left._fields, Need.LABELLED_FEATURES: near}
        return PoolView(left.ids, fields | {Need.FEATURES: left.feature_rows}, self._predict)

    def _get(self, need: Need) -> npt.NDArray[Any]:
        if need not in self._fields:
            raise _undeclared(need)
        return self._fields[need]

    @property
    def features(self) -> Floats:
        """(n, D) embeddings of the unlabelled items, in memory: of a large pool rather take `feature_rows`."""
        if self._whole is None:
            self._whole = self.feature_rows.whole()
            self._whole.flags.writeable = False
        return self._whole

    @property
    def feature_rows(self) -> Rows:
        """(n, D) the same, read where they are indexed, as ``view.feature_rows[rows]``."""
        if self._rows is None:
            raise _undeclared(Need.FEATURES)
        return self._rows

    @property
    def labelled_features(self) -> Floats:
        """(m, D) embeddings of the labelled items."""
        return self._get(Need.LABELLED_FEATURES)

    @property
    def labels(self) -> Ints:
        """(m,) class numbers of the labelled items."""
        return self._get(Need.LABELS)

    @property
    def probs(self) -> Floats:
        """(n, C) class probabilities; rows sum to 1."""
        return self._get(Need.PROBS)

    @property
    def labelled_probs(self) -> Floats:
        """(m, C) class probabilities of the labelled items, by the head that has learned from them."""
        return self._get(Need.LABELLED_PROBS)

    @property
    def prob_samples(self) -> Floats:
        """(T, n, C) class probabilities of T draws from a stochastic head."""
        return self._get(Need.PROB_SAMPLES)

    @property
    def activations(self) -> Floats:
        """(n, A) outputs of the head's hidden layers, side by side."""
        return self._get(Need.ACTIVATIONS)

    @property
    def predict(self) -> Predict:
        """The head: embeddings (r, D) to class probabilities (r, C)."""
        if self._predict is None:
            raise _undeclared(Need.PREDICT)
        return self._predict

    @property
    def groups(self) -> Ints:
        """(n,) number of the sequence (burst) of each unlabelled item; -1 where it has none."""
        return self._get(Need.GROUPS)

    @property
    def rewards(self) -> Floats:
        """(r,) for each answered batch that a model helped to choose, the part of it on which that model was wrong."""
        return self._get(Need.REWARDS)


def _undeclared(need: Need) -> UnmetNeed:
    return UnmetNeed(
        f"The sampler reads view.{need.value}, which it did not declare. Add Need.{need.name} to its `needs`."
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """A sampler's choice: `ids` (k,) distinct, taken from view.ids, most wanted first; `scores` (k,) or None."""

    ids: Ints
    scores: Floats | None = None
