"""The results of a round, a run and a command."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alframe.types.audit import MIN_IMAGES, Estimate
from alframe.types.images import Floats, Item
from alframe.types.labels import Label

CROSS_VALIDATION_BASIS = "labelled images, by cross-validation"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The quality of the head on `n` images that it was not fitted to. `basis` says which images these are.

    `low` and `high` bound the accuracy with 95 % confidence (Wilson's score interval). `confusion[i][j]` counts
    images of class i predicted as j; `per_class` holds precision, recall (with the bounds recall_low and recall_high),
    f1 and support for each class, None without an image of it. Those of an audit are weighted (see AuditWeights); its
    counts are of images. The balanced accuracy and the macro averages are over
    the classes that have an image among the `n`; `sklearn_macro_f1` is scikit-learn's, in which a class that is only
    predicted counts as 0. Micro averages are over all images; where each has one class, all three are the accuracy.
    `log_loss` is the mean cross-entropy (nats) and `calibration_error` the expected calibration error: both are better
    when smaller. `image_counts` says in words how many images are known of each class that has none among the `n`. What
    is None or empty was not measured yet when an old record was written.
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
        """The classes without an image among the `n`, which every average leaves out, with what is known of each."""
        pairs = zip(self.classes, self.per_class, strict=True)
        return {name: self.image_counts.get(name, "") for name, scores in pairs if not scores["support"]}

    @property
    def is_small(self) -> bool:
        """Whether the images are too few for their accuracy to be given as one number, without its interval."""
        return self.n < MIN_IMAGES


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """The record of a finished round, for trackers, stopping rules and the report.

    Without an evaluation, `no_evaluation` says why there is none. `fine_tuning` is how the training of this round went,
    if there was one (see store.events.FineTuned). Both are empty in old records.

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
        """The audit, which speaks for all the pool, also where it is of few images; else the other evaluation."""
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

    Items with a label are among them whether or not they are held out or still in the pool. The `probs` of one that
    cannot be seen any more are NaN: it has a label and no prediction.
    A label whose own item is another one was given to that image of the same sequence, and propagated to this one.
    `round` is how many batches the model has learned from.
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

    `failures` say what could not be done, though the rest was: the command then ends with the exit status 1.
    """

    state: OutcomeState
    message: str = ""
    value: float | None = None
    failures: tuple[str, ...] = ()
