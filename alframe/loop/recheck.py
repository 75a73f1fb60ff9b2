"""Find labels that a model doubts, and ask again about them without showing them. The model has not seen them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alframe import seeding
from alframe.engine.measuring.label_doubt import predict_without_own_label, rank_doubtful
from alframe.loop.campaign import Campaign
from alframe.loop.choosing import display_positions, record_and_request, shown_content_event
from alframe.loop.embedding import count_near_duplicates
from alframe.loop.phase_results import ChosenBatch, HeadFitResult, RunCache
from alframe.loop.serving import keys_without_suggestion_by_round
from alframe.store.events import BatchArranged, Event, LabelsAskedAgain
from alframe.store.files import remove_file
from alframe.store.records import StoredRound
from alframe.types import AuditDraw, Selection


@dataclass(frozen=True, slots=True)
class DoubtfulLabels:
    """Labels that are doubted by a model that has not seen them, the most doubtful first.

    `event` has each label and the prediction of the model. Three numbers of labels were not compared: `hidden_count` of
    images that measure the accuracy, `finetuned_count` that the network was fine-tuned on, and `rechecked_before_count`
    that were asked again before.
    """

    keys: list[int]
    event: LabelsAskedAgain
    hidden_count: int
    finetuned_count: int
    rechecked_before_count: int


def find_doubtful_labels(campaign: Campaign, fitted: HeadFitResult) -> DoubtfulLabels:
    """Compare each label with a model that has not seen it. Raises LabelError for labels of only one class.

    The audit and all other images without a suggestion are left out. If their labels were corrected only where the
    model doubts them, the accuracy on the audit would look better than it is.
    """
    fitted.require_head()
    training, by_people = fitted.training_labels, fitted.training_labels.is_by_people
    rechecks = campaign.recheck_rounds()
    hidden = set[int]().union(*keys_without_suggestion_by_round(campaign).values())
    asked_before = {key for each in campaign.ledger.stored_rounds() if each.number in rechecks for key in each.keys}
    is_hidden, was_asked = (np.isin(training.keys, list(keys)) for keys in (hidden, asked_before))
    rng = seeding.generator(campaign.settings.seed, "recheck", len(training.keys))
    x = fitted.embedded.embedding.features[training.keys]
    new_head, classes = campaign.parts.new_head, training.classes
    probs = predict_without_own_label(new_head, x, training.y, fitted.context, len(classes), rng)
    can_be_asked = by_people & fitted.embedded.listing.is_present[training.keys] & ~is_hidden & ~was_asked
    is_examined = can_be_asked & training.is_unseen_by_backbone & (probs.sum(axis=1) > 0)
    rows = [row for row in rank_doubtful(probs, training.y).tolist() if is_examined[row]]
    probs = probs / np.maximum(probs.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    event = LabelsAskedAgain(
        labels=[classes[training.y[row]] for row in rows],
        likely=[classes[number] for number in probs[rows].argmax(axis=1).tolist()],
        confidence=[round(float(value), 4) for value in probs[rows].max(axis=1)],
        given=[round(float(probs[row, training.y[row]]), 4) for row in rows],
        examined=int(is_examined.sum()),
    )
    return DoubtfulLabels(
        keys=training.keys[rows].tolist(),
        event=event,
        hidden_count=int((by_people & is_hidden).sum()),
        finetuned_count=int((by_people & ~is_hidden & ~training.is_unseen_by_backbone).sum()),
        rechecked_before_count=int((by_people & ~is_hidden & training.is_unseen_by_backbone & was_asked).sum()),
    )


def request_recheck(
    campaign: Campaign, cache: RunCache, fitted: HeadFitResult, doubtful: DoubtfulLabels, count: int
) -> StoredRound:
    """Ask again about the `count` most doubtful labels, in a separate round without suggestions; return this round."""
    keys, event, number = np.array(doubtful.keys[:count]), doubtful.event, len(campaign.ledger.stored_rounds()) + 1
    asked = LabelsAskedAgain(
        event.labels[:count], event.likely[:count], event.confidence[:count], event.given[:count], event.examined
    )
    arranged = BatchArranged(display_positions(fitted.embedded, keys), [True] * len(keys))
    events: list[Event] = [asked, shown_content_event(fitted.embedded, keys), arranged]
    if campaign.settings.duplicates.by is not None:
        events.append(count_near_duplicates(fitted.embedded))
    doubt = 1 - np.array(asked.given, np.float32)
    nobody = AuditDraw(np.empty(0, np.int64), np.empty(0, np.int64))
    remove_file(campaign.project.done_file)
    record_and_request(campaign, cache, ChosenBatch(number, Selection(keys, doubt), nobody, events))
    return campaign.ledger.stored_rounds()[-1]
