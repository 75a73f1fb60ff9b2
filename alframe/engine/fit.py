"""Train a head on the labels so far, and measure it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alframe.chunks import chunks
from alframe.contracts import Head
from alframe.engine.measuring.evaluate import HELD_OUT_BASIS, cross_validate, evaluate_probs, predict_folds
from alframe.store.records import StoredLabel
from alframe.types import Bools, Evaluation, Floats, Ints, Item

AUDIT_BASIS = "images drawn at random from the pool"
DEDUPLICATED_AUDIT_BASIS = f"{AUDIT_BASIS}, near-duplicates counted once"
MIN_AUDIT_IMAGES = 5  # below, the interval would span nearly everything


@dataclass(frozen=True, slots=True)
class TrainingLabels:
    """The labelled items that can be learned from: keys (m,), class numbers `y` (m,), and the class names.

    `labelled_on` (m,) are the keys of the items that people labelled: others than `keys` for propagated labels.
    """

    keys: Ints
    y: Ints
    classes: tuple[str, ...]
    labelled_on: Ints

    @property
    def by_people(self) -> Bools:
        """(m,) which of the labels were not propagated."""
        return np.equal(self.keys, self.labelled_on)


def make_training_labels(
    labels: Sequence[StoredLabel], items: Sequence[Item], usable: Bools, class_names: Sequence[str]
) -> TrainingLabels:
    """Collect all labelled items outside the test split whose image is `usable` (N,).

    The classes are `class_names` and all that occur among the labels, sorted.
    """
    kept = [label for label in labels if items[label.item].split == "pool" and usable[label.item]]
    classes = tuple(sorted({*class_names, *(label.class_name for label in kept)}))
    numbers = {name: number for number, name in enumerate(classes)}
    return TrainingLabels(
        keys=np.array([label.item for label in kept], np.int64),
        y=np.array([numbers[label.class_name] for label in kept], np.int64),
        classes=classes,
        labelled_on=np.array([label.labelled_on for label in kept], np.int64),
    )


def predict_in_chunks(features: Floats, keys: Ints, predict: Callable[[Floats], Floats]) -> Floats:
    """Return (n, ...) what `predict` gives for the items `keys` (n,), without a copy of all their features (N, D)."""
    first, *rest = chunks(len(keys)) or [slice(0)]
    predicted = predict(features[keys[first]])
    if not rest:
        return predicted
    out = np.empty((len(keys), *predicted.shape[1:]), predicted.dtype)
    out[first] = predicted
    for rows in rest:
        out[rows] = predict(features[keys[rows]])
    return out


def evaluate_head(
    head: Head,
    make_head: Callable[[], Head],
    features: Floats,
    training: TrainingLabels,
    test: Sequence[tuple[int, str]],
    groups: Sequence[str],
    rng: np.random.Generator,
) -> Evaluation | None:
    """Measure `head` on the held-out `test` (key, class) if there is one, else by cross-validation, if it is possible.

    `groups` (m,) says which labelled images no fold may part.
    """
    if test:
        keys = np.array([key for key, _ in test], np.int64)
        probs = predict_in_chunks(features, keys, head.probs)
        return evaluate_probs(probs, training.classes, [name for _, name in test], HELD_OUT_BASIS)
    rows = np.flatnonzero(training.by_people)  # a propagated label is not independent evidence
    row_groups = [groups[row] for row in rows.tolist()]
    return cross_validate(make_head, features[training.keys[rows]], training.y[rows], training.classes, row_groups, rng)


def evaluate_audit(
    make_head: Callable[[], Head],
    features: Floats,
    training: TrainingLabels,
    keys: Ints,
    rng: np.random.Generator,
    folds: int = 5,
    basis: str = AUDIT_BASIS,
) -> Evaluation | None:
    """Estimate the accuracy on the whole pool from the audited `keys` (a,); None for fewer than 5, or one class.

    `features` (N, D) are by item key. The audited images are trained on like all others, so the head in use cannot be
    tested on them: each of `folds` heads is fitted on all labels but those of a fold of audited images, and predicts
    that fold. Keys without a label that can be learned from (unsure, or a file that is gone) are left out.

    Labels propagated from an audited image go with it: they are its own answer. All others stay in training, also those
    of its sequence, since the head in use has seen just as many sequence mates of the rest of the pool. A fine-tuned
    embedding must not have seen the audited images either (see `drop_answers`).

    The audited images are a simple random sample, so bursts do no harm to the interval. For the images that are still
    unlabelled it is slightly low: each head lacks a fold's labels, and early rounds drew from a pool that still had the
    hard images. It holds for this pool, not for other places.
    """
    rows = np.flatnonzero(training.by_people & np.isin(training.keys, keys))
    if len(rows) < MIN_AUDIT_IMAGES or len(np.unique(training.y)) < 2:
        return None
    tests = np.array_split(rng.permutation(rows), min(folds, len(rows)))
    splits = [(np.flatnonzero(~np.isin(training.labelled_on, training.keys[test])), test) for test in tests]
    probs = predict_folds(make_head, features[training.keys], training.y, len(training.classes), splits, rng)
    truth = [training.classes[number] for number in training.y[rows].tolist()]
    return evaluate_probs(probs[rows], training.classes, truth, basis)


def drop_answers(training: TrainingLabels, keys: Ints) -> TrainingLabels:
    """Return the training set without the answers for `keys` (a,), propagated ones included; the classes stay."""
    kept = ~np.isin(training.labelled_on, keys)
    return TrainingLabels(training.keys[kept], training.y[kept], training.classes, training.labelled_on[kept])
