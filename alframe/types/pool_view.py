"""What a sampler sees, and what it answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from alframe.errors import UnmetNeed
from alframe.types.images import Floats, Ints
from alframe.types.lazy import LazyFeatures, LazySamples

Field = npt.NDArray[Any] | LazyFeatures | LazySamples
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
    BATCH_ERRORS = "batch_errors"


PER_IMAGE = (Need.PROBS, Need.ACTIVATIONS, Need.GROUPS)  # arrays with a row for each unlabelled item


class PoolView:
    """What a sampler sees: `keys` (n,) always, and of the rest exactly what it declared in `needs`.

    Reading anything else raises UnmetNeed, so that the engine computes only what is used. All arrays are read-only.
    """

    def __init__(self, keys: Ints, fields: Mapping[Need, Field] | None = None, predict: Predict | None = None) -> None:
        self.keys = keys.view()
        self.keys.flags.writeable = False
        self._predict = predict
        self._fields = {need: _read_only(need, value) for need, value in (fields or {}).items()}
        self._whole: dict[Need, Floats] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, rows: npt.NDArray[np.bool_]) -> PoolView:
        """The view of these rows (n,) alone; what is about labelled items stays."""
        if rows.all():
            return self
        self._whole = {}  # one copy of the pool at a time
        kept: dict[Need, Field] = {}
        for need, value in self._fields.items():
            if isinstance(value, LazyFeatures | LazySamples):
                kept[need] = value.subset(rows)
            else:
                kept[need] = value[rows] if need in PER_IMAGE else value
        return PoolView(self.keys[rows], kept, self._predict)

    def after_choosing(self, rows: npt.NDArray[np.bool_], rest: npt.NDArray[np.bool_]) -> PoolView:
        """The view of the `rest` (n,) once `rows` (n,) are chosen: a sampler that keeps its distance from what is
        labelled keeps it from them, unless it looks at the labels too, which they do not have yet.
        """
        left = self.subset(rest)
        blind = not {Need.LABELLED_FEATURES, Need.FEATURES} <= self._fields.keys()
        if blind or {Need.LABELS, Need.LABELLED_PROBS} & self._fields.keys():
            return left
        near = np.concatenate([self.labelled_features, self.lazy_features[rows]])
        return PoolView(left.keys, {**left._fields, Need.LABELLED_FEATURES: near}, self._predict)

    def _get(self, need: Need) -> npt.NDArray[Any]:
        if need not in self._fields:
            raise _undeclared(need)
        return cast("npt.NDArray[Any]", self._fields[need])

    def _all(self, need: Need, rows: LazyFeatures | LazySamples) -> Floats:
        if need not in self._whole:
            self._whole[need] = rows.to_array()
            self._whole[need].flags.writeable = False
        return self._whole[need]

    @property
    def features(self) -> Floats:
        """(n, D) embeddings of the unlabelled items, in memory: of a large pool rather take `lazy_features`."""
        return self._all(Need.FEATURES, self.lazy_features)

    @property
    def lazy_features(self) -> LazyFeatures:
        """(n, D) the same, read where they are indexed, as ``view.lazy_features[rows]``."""
        return cast(LazyFeatures, self._get(Need.FEATURES))

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
        """(T, n, C) class probabilities of T draws from a stochastic head, in memory.

        Of a large pool rather take `lazy_prob_samples`.
        """
        return self._all(Need.PROB_SAMPLES, self.lazy_prob_samples)

    @property
    def lazy_prob_samples(self) -> LazySamples:
        """(T, n, C) the same, made where they are indexed: ``view.lazy_prob_samples[rows]`` gives (T, r, C)."""
        return cast(LazySamples, self._get(Need.PROB_SAMPLES))

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
    def batch_errors(self) -> Floats:
        """(r,) for each answered batch that a model helped to choose, the part of it on which that model was wrong."""
        return self._get(Need.BATCH_ERRORS)


def _read_only(need: Need, value: Field) -> Field:
    if isinstance(value, LazyFeatures | LazySamples):
        return value
    if need is Need.FEATURES:
        return LazyFeatures(value)
    if need is Need.PROB_SAMPLES:
        return LazySamples.of(value)
    array = value.view()
    array.flags.writeable = False
    return array


def _undeclared(need: Need) -> UnmetNeed:
    return UnmetNeed(
        f"The sampler reads view.{need.value}, which it did not declare. Add Need.{need.name} to its `needs`."
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """A sampler's choice: `keys` (k,) distinct, taken from view.keys, most wanted first; `scores` (k,) or None."""

    keys: Ints
    scores: Floats | None = None
