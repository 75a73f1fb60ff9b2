"""Train the head on the labels so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alframe.chunks import chunks
from alframe.contracts import Head
from alframe.engine.measuring.evaluate import HELD_OUT_BASIS, cross_validate, evaluate_probs
from alframe.store.records import StoredLabel
from alframe.types import Evaluation, Floats, Ints, Item


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The labelled items that can be learned from: keys (m,), class numbers `y` (m,), and the class names.

    `labelled_on` (m,) are the keys of the items that people labelled: others than `keys` for propagated labels.
    """

    keys: Ints
    y: Ints
    classes: tuple[str, ...]
    labelled_on: Ints

    @property
    def n_by_people(self) -> int:
        """How many of the labels were not propagated."""
        return int((self.keys == self.labelled_on).sum())


def make_training_set(
    labels: Sequence[StoredLabel], items: Sequence[Item], usable: npt.NDArray[np.bool_], named: Sequence[str]
) -> TrainingSet:
    """All labelled items outside the test split with a `usable` (N,) image; classes are those named or seen, sorted."""
    rows = [label for label in labels if items[label.item].split == "pool" and usable[label.item]]
    classes = tuple(sorted({*named, *(label.class_name for label in rows)}))
    place = {name: at for at, name in enumerate(classes)}
    return TrainingSet(
        keys=np.array([label.item for label in rows], np.int64),
        y=np.array([place[label.class_name] for label in rows], np.int64),
        classes=classes,
        labelled_on=np.array([label.labelled_on for label in rows], np.int64),
    )


def train_head(head: Head, features: Floats, training: TrainingSet, rng: np.random.Generator) -> None:
    """Fit `head` on features (N, D) by item key."""
    head.fit(features[training.keys], training.y, len(training.classes), rng)


def predict_in_chunks(features: Floats, keys: Ints, answer: Callable[[Floats], Floats]) -> Floats:
    """(n, ...) what the head answers about the items `keys` (n,), without a copy of all their features (N, D)."""
    first, *rest = chunks(len(keys)) or [slice(0)]
    answered = answer(features[keys[first]])
    if not rest:
        return answered
    out = np.empty((len(keys), *answered.shape[1:]), answered.dtype)
    out[first] = answered
    for rows in rest:
        out[rows] = answer(features[keys[rows]])
    return out


def evaluate_head(
    head: Head,
    make_head: Callable[[], Head],
    features: Floats,
    training: TrainingSet,
    test: Sequence[tuple[int, str]],
    groups: Sequence[str],
    rng: np.random.Generator,
) -> Evaluation | None:
    """Accuracy on the held-out `test` (key, class) if there is one, else by cross-validation, if that is possible.

    `groups` (m,) says which labelled images belong together.
    """
    if test:
        keys = np.array([key for key, _ in test], np.int64)
        return evaluate_probs(
            predict_in_chunks(features, keys, head.probs), training.classes, [name for _, name in test], HELD_OUT_BASIS
        )
    said = training.keys == training.labelled_on  # a propagated label is no evidence of its own
    keys, own = training.keys[said], [group for group, kept in zip(groups, said, strict=True) if kept]
    return cross_validate(make_head, features[keys], training.y[said], training.classes, own, rng)
