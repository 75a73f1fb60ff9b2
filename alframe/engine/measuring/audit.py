"""How good the model is on the pool, by labelled images that were drawn at random from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from alframe.contracts import Head
from alframe.engine.fit import TrainingSet, train_head
from alframe.engine.measuring.evaluate import evaluate_probs
from alframe.types import Evaluation, Floats, Ints

AUDIT_BASIS = "images drawn at random from the pool"
DEDUPLICATED_AUDIT_BASIS = f"{AUDIT_BASIS}, near-duplicates counted once"
MIN_IMAGES = 5  # below, the interval would span nearly everything


def evaluate_audit(
    make_head: Callable[[], Head],
    features: Floats,
    training: TrainingSet,
    keys: Ints,
    rng: np.random.Generator,
    folds: int = 5,
    basis: str = AUDIT_BASIS,
) -> Evaluation | None:
    """Estimate the accuracy on the whole pool from the audited `keys` (a,); None for fewer than 5, or one class.

    `features` (N, D) are by item key. The audited images are trained on like all others, so the head in use cannot be
    tested on them. Instead the head is fitted `folds` times on all labels but those of a fold of audited images, and
    predicts that fold. Keys without a label that can be learned from (unsure, or a file that is gone) are left out.

    All other labels stay in training, an audited image's own sequence included: the rest of the pool is
    predicted by a head that has seen just as many of its sequence mates, so leaving them out would be too strict.
    Only labels propagated from an audited image go with it: they are its own answer. An embedding that was fine-tuned
    must not have seen the audited images either (see `drop_answers`), for it is not fitted again.

    The images were drawn without regard to any prediction or opinion about them, so they are a simple random
    sample, in which bursts do no harm to the interval. It is slightly low, not high, as a figure for the images that
    are still unlabelled: each head lacks a fold's labels, and images drawn in early rounds come from a pool that still
    had the hard ones, which were requested since. It holds for this pool, not for other places. Where only one of each
    group of near-duplicates can be drawn, the `basis` says so.
    """
    rows = np.flatnonzero(training.by_people & np.isin(training.keys, keys))
    if len(rows) < MIN_IMAGES or len(np.unique(training.y)) < 2:
        return None
    probs = np.zeros((len(training.keys), len(training.classes)), np.float32)
    for fold in np.array_split(rng.permutation(rows), min(folds, len(rows))):
        head = make_head()
        train_head(head, features, drop_answers(training, training.keys[fold]), rng)
        probs[fold] = head.probs(features[training.keys[fold]])
    truth = [training.classes[number] for number in training.y[rows].tolist()]
    return evaluate_probs(probs[rows], training.classes, truth, basis)


def drop_answers(training: TrainingSet, keys: Ints) -> TrainingSet:
    """Return the training set without the answers for `keys` (a,), propagated ones included; the classes stay."""
    kept = ~np.isin(training.labelled_on, keys)
    return TrainingSet(training.keys[kept], training.y[kept], training.classes, training.labelled_on[kept])
