"""Train a head on the labels so far, and measure it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from alframe.contracts import Head, UsesUnlabelled
from alframe.engine.listing.groups import assign_groups, draw_stratified_groups
from alframe.engine.measuring.evaluate import HELD_OUT_BASIS, MIN_LABELS, cross_validate, evaluate_probs
from alframe.kit.pool_views import predict_in_chunks
from alframe.store.records import StoredLabel
from alframe.types import Bools, Evaluation, FitContext, Floats, Ints, Item


@dataclass(frozen=True, slots=True)
class TrainingLabels:
    """The labelled items for training: keys (m,), class numbers `y` (m,), and the class names.

    `labelled_on_keys` (m,) are the keys of the items that people labelled. They differ from `keys` if a label was
    propagated. `is_unseen_by_backbone` (m,) is true if fine-tuning used neither the label nor another label of its
    group. `groups` (m,) are the numbers of these groups.
    """

    keys: Ints
    y: Ints
    classes: tuple[str, ...]
    labelled_on_keys: Ints
    is_unseen_by_backbone: Bools
    groups: Ints

    @property
    def is_by_people(self) -> Bools:
        """(m,) whether each label was given by a person, and not propagated."""
        return np.equal(self.keys, self.labelled_on_keys)

    def fit_context(self, unlabelled: Floats) -> FitContext:
        """Return the context of these labels for a head, with embeddings (u, D) of images without a label."""
        return FitContext(self.is_unseen_by_backbone, self.groups, unlabelled)


def make_training_labels(
    labels: Sequence[StoredLabel],
    items: Sequence[Item],
    usable: Bools,
    class_names: Sequence[str],
    finetuned_keys: Set[int] = frozenset(),
    group: str = "sequence",
) -> TrainingLabels:
    """Return the labels of all items outside the test split whose image is `usable` (N,).

    The classes are `class_names` and all classes of the labels, sorted. `finetuned_keys` are the items that fine-tuning
    has used. `group` is as in `assign_groups`.
    """
    kept = [label for label in labels if items[label.item].split == "pool" and usable[label.item]]
    classes = tuple(sorted({*class_names, *(label.class_name for label in kept)}))
    numbers = {name: number for number, name in enumerate(classes)}
    keys = [label.item for label in kept]
    return TrainingLabels(
        keys=np.array(keys, np.int64),
        y=np.array([numbers[label.class_name] for label in kept], np.int64),
        classes=classes,
        labelled_on_keys=np.array([label.labelled_on for label in kept], np.int64),
        is_unseen_by_backbone=~which_share_group(items, keys, finetuned_keys, group),
        groups=np.unique(assign_groups([items[key] for key in keys], group), return_inverse=True)[1],
    )


def which_share_group(items: Sequence[Item], keys: Sequence[int], others: Set[int], group: str) -> Bools:
    """Return (k,) which of the items `keys` are in one group with any of the `others`."""
    if not others:
        return np.zeros(len(keys), np.bool_)
    names = assign_groups([items[key] for key in (*keys, *sorted(others))], group)
    shared = set(names[len(keys) :])
    return np.array([name in shared for name in names[: len(keys)]], np.bool_)


def draw_unlabelled_features(head: Head, features: Floats, keys: Ints, rng: np.random.Generator) -> Floats:
    """Return embeddings (u, D) of some images without a label, from `keys` (n,), if `head` learns from such images."""
    if not isinstance(head, UsesUnlabelled):
        return features[:0]
    drawn = rng.choice(keys, min(head.max_unlabelled, len(keys)), replace=False)
    return np.asarray(features[np.sort(drawn)])


def evaluate_or_cross_validate(
    head: Head,
    make_head: Callable[[], Head],
    features: Floats,
    training: TrainingLabels,
    context: FitContext,
    test: Sequence[tuple[int, str]],
    rng: np.random.Generator,
    image_counts: Mapping[str, str] = MappingProxyType({}),
) -> Evaluation | None:
    """Return the evaluation of `head` on the held-out `test` (key, class), or else by cross-validation, if possible.

    `context` is the context of the head's fit. `image_counts` is as in Evaluation.
    """
    if test:
        keys = np.array([key for key, _ in test], np.int64)
        probs = predict_in_chunks(features, keys, head.probs)
        truth = [name for _, name in test]
        return evaluate_probs(probs, training.classes, truth, HELD_OUT_BASIS, image_counts)
    rows = np.flatnonzero(training.is_by_people)  # a propagated label is not independent evidence
    return cross_validate(
        make_head,
        features[training.keys[rows]],
        training.y[rows],
        context.take(rows),
        training.classes,
        rng,
        image_counts=image_counts,
    )


def explain_missing_evaluation(training: TrainingLabels) -> str:
    """Return the reason why `evaluate_or_cross_validate` has measured nothing."""
    is_by_people = training.is_by_people
    labels, unseen = int(is_by_people.sum()), int((is_by_people & training.is_unseen_by_backbone).sum())
    needed = f"at least {MIN_LABELS} labels, of two classes with labels in two groups each"
    if unseen == labels:
        return f"No accuracy yet: measuring it needs {needed}."
    return (
        f"No accuracy: the network was fine-tuned on {labels - unseen} of the {labels} labels, or on other labels of "
        f"their groups, so these labels cannot test it. Measuring it needs {needed}. The network must not have seen "
        f"these labels, and it has not seen {unseen}. Label more images, set finetune.unseen=0.2 before the next "
        "fine-tuning, or give a test set."
    )


def drop_labels_given_on(training: TrainingLabels, keys: Ints) -> TrainingLabels:
    """Return the training set without the labels of `keys` (a,) and labels propagated from them. The classes stay."""
    return _take_rows(training, ~np.isin(training.labelled_on_keys, keys))


def split_for_fine_tuning(
    training: TrainingLabels,
    items: Sequence[Item],
    finetuned_keys: Set[int],
    left_out_keys: Set[int],
    group: str,
    fraction: float,
    rng: np.random.Generator,
) -> tuple[TrainingLabels, set[int]]:
    """Return the labels for fine-tuning, and the keys that are left out so that accuracy can be measured afterwards.

    Whole groups are left out: the groups of `left_out_keys` from earlier trainings, and about `fraction` of each class
    of the labels that are new since then. A group of one of `finetuned_keys`, which an earlier training used, is always
    used again. If fewer than two classes would remain, nothing is left out. `group` is as in `assign_groups`.
    """
    keys = training.keys.tolist()
    is_finetuned, stays_out = (
        which_share_group(items, keys, others, group) for others in (finetuned_keys, left_out_keys)
    )
    names = assign_groups([items[key] for key in keys], group)
    is_new = np.flatnonzero(~is_finetuned & ~stays_out).tolist()
    new_names, new_classes = [names[row] for row in is_new], [str(training.y[row]) for row in is_new]
    drawn = draw_stratified_groups(new_names, new_classes, fraction, rng) if is_new else set()
    is_out = ~is_finetuned & (stays_out | np.array([name in drawn for name in names], np.bool_))
    if len(np.unique(training.y[~is_out])) < 2:
        is_out[:] = False
    return _take_rows(training, ~is_out), set(training.keys[is_out].tolist())


def _take_rows(training: TrainingLabels, kept: Bools) -> TrainingLabels:
    return replace(
        training,
        keys=training.keys[kept],
        y=training.y[kept],
        labelled_on_keys=training.labelled_on_keys[kept],
        is_unseen_by_backbone=training.is_unseen_by_backbone[kept],
        groups=training.groups[kept],
    )
