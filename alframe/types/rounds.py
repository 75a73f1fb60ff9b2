"""The results of a round, a run and a command."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alframe.types.audit import MIN_ACCURACY_IMAGES, Estimate
from alframe.types.images import Floats, Item
from alframe.types.labels import Label, Suggestion

CROSS_VALIDATION_BASIS = "labelled images, by cross-validation"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The quality of the head on `n` images that it was not fitted to. `basis` says which images these are.

    `low` and `high` bound the accuracy with 95 % confidence (Wilson's score interval). `confusion[i][j]` counts
    images of class i predicted as j. `per_class` holds precision, recall (with the bounds recall_low and recall_high),
    f1 and support for each class; they are None if the `n` images contain no image of the class. In an audit, the
    measures are weighted (see AuditWeights), but the counts are numbers of images. The balanced accuracy and the macro
    averages are over the classes with an image among the `n`. In `sklearn_macro_f1`, as in scikit-learn, a class that
    is only predicted counts as 0. Micro averages are over all images; as each image has one class, all three are equal
    to the accuracy. `log_loss` is the mean cross-entropy (nats), and `calibration_error` is the expected calibration
    error: smaller values are better. `image_counts` says how many images are known of each class without an image among
    the `n`. A field is None or empty in old records if it was not measured then.
    """

    basis: str
    n: int
    accuracy: float
    low: float
    high: float
    balanced_accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    per_class: tuple[Mapping[str, float | None], ...]
    micro_precision: float | None = None
    micro_recall: float | None = None
    micro_f1: float | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    sklearn_macro_f1: float | None = None
    image_counts: Mapping[str, str] = field(default_factory=dict)

    @property
    def unmeasured_classes(self) -> Mapping[str, str]:
        """The classes without an image among the `n`, which all averages leave out, and their `image_counts`."""
        pairs = zip(self.classes, self.per_class, strict=True)
        return {name: self.image_counts.get(name, "") for name, scores in pairs if not scores["support"]}

    @property
    def is_small(self) -> bool:
        """Whether the images are so few that alframe shows only the interval of the accuracy."""
        return self.n < MIN_ACCURACY_IMAGES


@dataclass(frozen=True, slots=True)
class RequestedBatch:
    """The images that a round requested, by key, the most useful first, and who chose them.

    For each image: its `scores` by the `sampler` (None if it gives none), the model's `suggestions` at that time (empty
    before there was a model), and in `is_audit` whether it was drawn at random for the audit. The name of the `sampler`
    is empty if doubtful labels were requested again.
    """

    round: int
    sampler: str
    keys: tuple[int, ...]
    scores: tuple[float | None, ...]
    suggestions: tuple[Suggestion, ...]
    is_audit: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """The record of a finished round, for trackers, stopping rules and the report.

    Without an evaluation, `no_evaluation` gives the reason. `fine_tuning` describes the training of this round, if
    there was one (see store.events.FineTuned). Both are empty in old records.

    Three numbers come from the images drawn at random. `audit` is for all images of the pool, each predicted by a model
    that has not seen its label: the accuracy on new images like those in the pool. `unlabelled_accuracy` is for the
    images that have no label now. `whole_pool_accuracy` is for all of them, where the labels of people count as right.
    The last two are None in old records, whose `audit` was not weighted by round.
    """

    round: int
    labels: int
    unlabelled: int
    set_aside: int
    classes: tuple[str, ...]
    evaluation: Evaluation | None
    fingerprint: str
    seconds: Mapping[str, float]
    at: datetime
    model: str = ""  # a digest of what the head was made from: the embedding, its own recipe and the labels
    audit: Evaluation | None = None
    no_evaluation: str = ""
    fine_tuning: Mapping[str, Any] = field(default_factory=dict)
    unlabelled_accuracy: Estimate | None = None
    whole_pool_accuracy: Estimate | None = None

    @property
    def audit_or_other_evaluation(self) -> Evaluation | None:
        """The audit, which is valid for the whole pool, even if it has few images; without an audit, the evaluation."""
        return self.evaluation if self.audit is None else self.audit


@dataclass(frozen=True, slots=True)
class Curve:
    """A learning curve: accuracy by number of labels, as the mean of `seeds` runs with its 95 % interval."""

    name: str
    labels: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    seeds: int


@dataclass(frozen=True, slots=True)
class Predictions:
    """The prediction for each readable item: `probs` (n, C) over `classes`, and `labels` if somebody has answered.

    All items with a label are included, also held-out items and items that are no longer in the pool. If such an item
    cannot be read any more, its `probs` are NaN.
    If `Label.item` is another item, a person labelled that image of the same sequence, and the label was propagated.
    `round` is the number of batches from which the model has learned.
    """

    items: Sequence[Item]
    probs: Floats
    classes: tuple[str, ...]
    labels: Sequence[Label | None]
    round: int = 0


class OutcomeState(enum.Enum):
    """How a task ended."""

    CONTINUE = "continue"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a task: its state, a message for the user, and a number that a sweep can optimise.

    `failures` are messages about steps that failed while the others were done. Then the exit status is 1.
    """

    state: OutcomeState
    message: str = ""
    value: float | None = None
    failures: tuple[str, ...] = ()
