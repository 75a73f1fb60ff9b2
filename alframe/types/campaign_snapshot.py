"""A campaign at one moment, as a label source that serves people shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from alframe.types.images import Floats, Ints, Item
from alframe.types.rounds import RoundRecord


class KnownLabel(NamedTuple):
    """The label that counts for the item `key`, with its annotator and round (None: known without a request).

    `label_source` is the name of the label source, or "pool"; `labelled_at` is ISO text.
    """

    key: int
    class_name: str
    annotator: str
    label_source: str
    round: int | None
    labelled_at: str | None


@dataclass(frozen=True, slots=True)
class PoolPredictions:
    """The model's prediction for the items `keys` (n,): positions `class_numbers` (n,) in `classes`, `confidence` (n,).

    For a labelled item, the prediction comes from a model that has not seen its label. `label_doubt` (n,) is 1 minus
    the probability that this model gives to the label. It is nan for an item without a label, or if fine-tuning has
    used the label.
    """

    keys: Ints
    class_numbers: Ints
    confidence: Floats
    label_doubt: Floats
    classes: tuple[str, ...]


class Agreement(NamedTuple):
    """The agreement of two people on the `images` that both answered: share of equal answers, and Cohen's kappa."""

    first: str
    second: str
    images: int
    agreement: float
    kappa: float


class UnseenClasses(NamedTuple):
    """An `estimate` of the number of classes that have no label yet, made from `images` that were drawn at random.

    There are at least `low` such classes (95 % confidence). Their images are at most `largest_share` of the pool (0..1;
    95 % confidence).
    """

    images: int
    estimate: float
    low: float
    largest_share: float


@dataclass(frozen=True, slots=True)
class CampaignSnapshot:
    """The state of a campaign at one moment. The position of an item in `items` is its key.

    `open_round` is the number of the round that waits for answers, `answers_needed` is the number of answers that
    complete it, and `asked` are the keys of its items. `without_suggestion` are the items that were shown without the
    model's suggestion. `unanswered_without_suggestion_count` is the number of these items that are of closed rounds and
    have no label. `features` (N, D) are the embeddings. They change only if `features_version` changes. `labels_left`
    is the number of labels that may still be requested. `conflicts` is the rule for images with several classes.
    `unseen_classes` is a sentence about the classes without a label, or "" if no image was drawn at random.
    """

    items: Sequence[Item]
    classes: tuple[str, ...]
    labels: Sequence[KnownLabel]
    history: Sequence[RoundRecord]
    open_round: int | None = None
    asked: Sequence[int] = ()
    answers_needed: int = 0
    without_suggestion: Set[int] = frozenset()
    predictions: PoolPredictions | None = None
    features: Floats | None = None
    features_version: str = ""
    unlabelled: int = 0
    labels_left: int | None = None
    unanswered_without_suggestion_count: int = 0
    conflicts: str = "ask"
    agreement: Sequence[Agreement] = ()
    class_counts: Mapping[str, int] = field(default_factory=dict)
    unseen_classes: str = ""
