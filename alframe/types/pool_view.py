"""The data that a sampler receives (PoolView), and the selection that it returns (Selection)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from alframe.errors import UnmetNeed
from alframe.types.images import Bools, Floats, Ints, Texts, Times
from alframe.types.lazy import LazyFeatures, LazyProbs, LazySamples
from alframe.types.needs import PER_ITEM_ARRAYS, POOL_FACTS, Need

ViewArray = npt.NDArray[Any] | LazyFeatures | LazyProbs | LazySamples
Predict = Callable[[Floats], Floats]  # a fitted head: embeddings (r, D) to class probabilities (r, C)


# Facts that are known before an item has a label. In these arrays, chosen items join the labelled items.
_LABELLED_OF = {Need.FEATURES: Need.LABELLED_FEATURES, Need.SEQUENCES: Need.LABELLED_SEQUENCES, **POOL_FACTS}


class PoolView:
    """The view of the pool that a sampler gets: `keys` (n,), and exactly the fields that it declared in `needs`.

    Reading another field raises UnmetNeed, so the engine computes only the declared fields. All arrays are read-only.
    `fields` holds an array or a lazy array for each need except PREDICT; `predict` is the fitted head. If some items
    were already chosen for this batch, `chosen_features` (c, D) are their embeddings, and `chosen_facts` are their
    sequences, times, cameras and ids (c,). They are at the end of `labelled_features`, `labelled_sequences` and so on,
    unless the sampler also reads labels.
    """

    def __init__(
        self,
        keys: Ints,
        fields: Mapping[Need, ViewArray] | None = None,
        predict: Predict | None = None,
        chosen_features: Floats | None = None,
        chosen_facts: Mapping[Need, npt.NDArray[Any]] | None = None,
    ) -> None:
        self.keys = keys.view()
        self.keys.flags.writeable = False
        self._predict = predict
        self._fields = {need: _as_lazy_or_read_only(need, field) for need, field in (fields or {}).items()}
        self.chosen_features = chosen_features
        self._chosen: dict[Need, npt.NDArray[Any]] = dict(chosen_facts or {})
        if chosen_features is not None:
            self._chosen[Need.FEATURES] = chosen_features
        self._loaded: dict[Need, npt.NDArray[Any]] = {}  # what was made of a field when it was first read

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, mask: npt.NDArray[np.bool_]) -> PoolView:
        """Return the view of the items that `mask` (n,) marks, with the same labelled items."""
        if mask.all():
            return self
        self._loaded = {}  # one copy of the pool at a time
        fields: dict[Need, ViewArray] = {}
        for need, array in self._fields.items():
            if isinstance(array, LazyFeatures | LazyProbs | LazySamples):
                fields[need] = array.subset(mask)
            else:
                fields[need] = array[mask] if need in PER_ITEM_ARRAYS else array
        return self._with(self.keys[mask], fields, self._predict, self._chosen)

    def restrict_to_needs(self, needs: Collection[Need], draws: int | None = None) -> PoolView:
        """Return the view with only the fields of these needs, and the first `draws` draws; no array is copied."""
        fields: dict[Need, ViewArray] = {need: self._field(need) for need in needs if need is not Need.PREDICT}
        if draws is not None and Need.PROB_SAMPLES in fields:
            fields[Need.PROB_SAMPLES] = self.lazy_prob_samples.first_draws(draws)
        predict = self.predict if Need.PREDICT in needs else None
        return self._with(self.keys, fields, predict, self._chosen)

    def after_choosing(self, chosen: npt.NDArray[np.bool_], remaining: npt.NDArray[np.bool_]) -> PoolView:
        """Return the view of the `remaining` (n,) items after the `chosen` (n,) items were taken. Both are masks.

        The chosen items count as labelled in the arrays of a sampler that reads no labels. If a sampler reads labels,
        it does not see the chosen items, because they have no label yet. But the samplers that it uses can see them.
        """
        view = self.subset(remaining)
        added = {
            need: self.lazy_features[chosen] if need is Need.FEATURES else self._field(need)[chosen]
            for need, labelled in _LABELLED_OF.items()
            if {need, labelled} <= self._fields.keys()
        }
        if not added:
            return view
        before = self._chosen
        joined = {need: np.concatenate([before[need], new]) if need in before else new for need, new in added.items()}
        return self._with(view.keys, view._fields, self._predict, joined)

    def _with(
        self,
        keys: Ints,
        fields: Mapping[Need, ViewArray],
        predict: Predict | None,
        chosen: Mapping[Need, npt.NDArray[Any]],
    ) -> PoolView:
        facts: dict[Need, npt.NDArray[Any]] = {
            need: array for need, array in chosen.items() if need is not Need.FEATURES
        }
        return PoolView(keys, fields, predict, chosen.get(Need.FEATURES), facts)

    def _field(self, need: Need) -> npt.NDArray[Any]:
        if need not in self._fields:
            raise _undeclared(need)
        return cast("npt.NDArray[Any]", self._fields[need])

    def _load_once(self, need: Need, lazy: LazyFeatures | LazyProbs | LazySamples) -> Floats:
        if need not in self._loaded:
            self._loaded[need] = lazy.to_array()
            self._loaded[need].flags.writeable = False
        return self._loaded[need]

    def _labelled_joined_if_possible(self, need: Need) -> npt.NDArray[Any]:
        """Return the `need` of the labelled items, and of the chosen items if all arrays that are read have them."""
        labelled = self._field(_LABELLED_OF[need])
        read = [fact for fact, of_labelled in _LABELLED_OF.items() if of_labelled in self._fields]
        has_labels = {Need.LABELS, Need.LABELLED_PROBS} & self._fields.keys()
        if has_labels or not self._chosen.keys() >= set(read):
            return labelled
        if _LABELLED_OF[need] not in self._loaded:
            joined = np.concatenate([labelled, self._chosen[need]])
            joined.flags.writeable = False
            self._loaded[_LABELLED_OF[need]] = joined
        return self._loaded[_LABELLED_OF[need]]

    @property
    def features(self) -> Floats:
        """(n, D) embeddings of the unlabelled images, in memory. `lazy_features` reads only some rows at a time."""
        return self._load_once(Need.FEATURES, self.lazy_features)

    @property
    def lazy_features(self) -> LazyFeatures:
        """The same (n, D), of which only the indexed rows are read: ``view.lazy_features[rows]`` gives (r, D)."""
        return cast(LazyFeatures, self._field(Need.FEATURES))

    @property
    def labelled_features(self) -> Floats:
        """(m, D) embeddings of the labelled images."""
        return self._labelled_joined_if_possible(Need.FEATURES)

    @property
    def labels(self) -> Ints:
        """(m,) class indices 0..C-1 of the labelled images."""
        return self._field(Need.LABELS)

    @property
    def class_names(self) -> npt.NDArray[np.str_]:
        """(C,) names of the classes, in the order of the class indices and of the columns of `probs`."""
        return self._field(Need.CLASS_NAMES)

    @property
    def is_unseen_by_backbone(self) -> Bools:
        """(m,) true for each labelled image if fine-tuning used neither its label nor another label of its sequence.

        With `holdout.group=camera`, the same for its camera. The embeddings of the other items depend on their labels.
        """
        return self._field(Need.IS_UNSEEN_BY_BACKBONE)

    @property
    def probs(self) -> Floats:
        """(n, C) class probabilities; rows sum to 1."""
        return self._load_once(Need.PROBS, self.lazy_probs)

    @property
    def lazy_probs(self) -> LazyProbs:
        """The same (n, C), computed only for the indexed rows: ``view.lazy_probs[rows]`` gives (r, C)."""
        return cast(LazyProbs, self._field(Need.PROBS))

    @property
    def labelled_probs(self) -> Floats:
        """(m, C) class probabilities of the labelled images, by the head that was fitted on them."""
        return self._field(Need.LABELLED_PROBS)

    @property
    def prob_samples(self) -> Floats:
        """(T, n, C) class probabilities of T draws of a stochastic head, in memory.

        For a large pool, prefer `lazy_prob_samples`.
        """
        return self._load_once(Need.PROB_SAMPLES, self.lazy_prob_samples)

    @property
    def lazy_prob_samples(self) -> LazySamples:
        """The same (T, n, C), computed only for the indexed rows: ``view.lazy_prob_samples[rows]`` gives (T, r, C)."""
        return cast(LazySamples, self._field(Need.PROB_SAMPLES))

    @property
    def hidden_activations(self) -> Floats:
        """(n, A) outputs of the head's hidden layers, side by side."""
        return self._field(Need.HIDDEN_ACTIVATIONS)

    @property
    def predict(self) -> Predict:
        """The fitted head, as a function from embeddings (r, D) to class probabilities (r, C)."""
        if self._predict is None:
            raise _undeclared(Need.PREDICT)
        return self._predict

    @property
    def sequences(self) -> Ints:
        """(n,) number of the sequence (burst) of each unlabelled image; -1 if it has none."""
        return self._field(Need.SEQUENCES)

    @property
    def labelled_sequences(self) -> Ints:
        """(m,) number of the sequence of each labelled image. An equal number in `sequences` means the same sequence.

        The sampler must also declare the need for `sequences`: the sequences of items that were chosen earlier for the
        same batch come from there.
        """
        self._field(Need.SEQUENCES)
        return self._labelled_joined_if_possible(Need.SEQUENCES)

    @property
    def taken(self) -> Times:
        """(n,) local time of each unlabelled image by its camera's clock, to the second; NaT if it is not known."""
        return self._field(Need.TAKEN)

    @property
    def labelled_taken(self) -> Times:
        """(m,) local time of each labelled image, as in `taken`."""
        return self._labelled_joined_if_possible(Need.TAKEN)

    @property
    def cameras(self) -> Ints:
        """(n,) number of the camera of each unlabelled image; -1 if it is not known."""
        return self._field(Need.CAMERAS)

    @property
    def labelled_cameras(self) -> Ints:
        """(m,) number of the camera of each labelled image. An equal number in `cameras` means the same camera."""
        return self._labelled_joined_if_possible(Need.CAMERAS)

    @property
    def ids(self) -> Texts:
        """(n,) id of each unlabelled image, its path below the pool's root with forward slashes: an array of str."""
        return self._field(Need.IDS)

    @property
    def labelled_ids(self) -> Texts:
        """(m,) the ids of the labelled images."""
        return self._labelled_joined_if_possible(Need.IDS)

    @property
    def batch_error_rates(self) -> Floats:
        """(r,) error rate, 0..1, of the model on each earlier batch that this sampler chose.

        It is the share of wrong predictions among the labelled images of the batch, without the images that were drawn
        at random. If there are no such images, it is 0.
        """
        return self._field(Need.BATCH_ERROR_RATES)

    @property
    def chosen_by(self) -> npt.NDArray[np.str_]:
        """(r,) for each of these batches, the name of the sampler that made the choice (`Selection.chosen_by`).

        A sampler such as `bandit` uses other samplers to make its choices. "" if the name is not known.
        """
        return self._field(Need.CHOSEN_BY)


def _as_lazy_or_read_only(need: Need, field: ViewArray) -> ViewArray:
    if isinstance(field, LazyFeatures | LazyProbs | LazySamples):
        return field
    if need is Need.FEATURES:
        return LazyFeatures(field)
    if need is Need.PROBS:
        return LazyProbs.from_array(field)
    if need is Need.PROB_SAMPLES:
        return LazySamples.from_array(field)
    array = field.view()
    array.flags.writeable = False
    return array


def _undeclared(need: Need) -> UnmetNeed:
    return UnmetNeed(
        f"The sampler reads view.{need.value}, which it did not declare. Add Need.{need.name} to its `needs`."
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """The choice of a sampler: distinct `keys` (k,) of `view.keys`, most useful first, and `scores` (k,) or None.

    If the sampler uses one of several other samplers, it may name this sampler in `chosen_by`. The ledger keeps the
    name, and later views contain it (`Need.CHOSEN_BY`). `details` are numbers that were computed, such as a radius.
    """

    keys: Ints
    scores: Floats | None = None
    chosen_by: str = ""
    details: Mapping[str, float] = field(default_factory=dict)
