"""Fit the head on the labels so far, and measure it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from alframe import seeding
from alframe.contracts import UsesFitContext
from alframe.engine.fit import (
    TrainingLabels,
    draw_unlabelled_features,
    evaluate_or_cross_validate,
    explain_missing_evaluation,
    make_training_labels,
)
from alframe.engine.measuring.audit import AUDIT_BASIS, DEDUPLICATED_AUDIT_BASIS, PoolConfidence, evaluate_audit
from alframe.engine.measuring.image_counts import describe_image_counts
from alframe.kit import composite
from alframe.loop.campaign import Campaign
from alframe.loop.network import find_finetuned_keys, fine_tuning_summary
from alframe.loop.phase_results import Candidates, EmbeddedPool, HeadFitResult, LabelSnapshot, RunCache
from alframe.types import AuditDraw, RoundRecord

log = logging.getLogger(__name__)


def fit_new_head(campaign: Campaign, snapshot: LabelSnapshot, embedded: EmbeddedPool) -> HeadFitResult:
    """Fit a new head on the labelled images. With labels of fewer than two classes, there is no head."""
    items, features = embedded.listing.items, embedded.embedding.features
    usable = embedded.embedding.is_readable & ~embedded.is_duplicate_of_held_out
    usable[list(embedded.replaced)] = False
    finetuned_keys, group = find_finetuned_keys(campaign), campaign.settings.holdout.group
    labels = campaign.labels_with_propagated(items)
    training = make_training_labels(labels, items, usable, campaign.settings.classes, finetuned_keys, group)
    if len(np.unique(training.y)) < 2:
        return HeadFitResult(embedded, training, training.fit_context(features[:0]), None)
    head = campaign.parts.new_head()
    if isinstance(head, UsesFitContext) and not training.is_unseen_by_backbone.any():
        log.warning(
            "head=%s needs labels that the network was not fine-tuned on, and there are none, so it uses its "
            "defaults. Its probabilities become more reliable with new labels, or with "
            "finetune.unseen=0.2 at the next fine-tuning.",
            campaign.parts.name_of("head"),
        )
    rng = seeding.generator(campaign.settings.seed, "head", snapshot.closed_round_count)
    usable &= embedded.listing.is_present & ~embedded.listing.is_held_out
    usable[training.keys] = False
    rows_rng = seeding.generator(campaign.settings.seed, "unlabelled", snapshot.closed_round_count)
    context = training.fit_context(draw_unlabelled_features(head, features, np.flatnonzero(usable), rows_rng))
    composite.fit_head(head, features[training.keys], training.y, len(training.classes), rng, context)
    return HeadFitResult(embedded, training, context, head, PoolConfidence(head, features))


def evaluate_and_record(
    campaign: Campaign, cache: RunCache, snapshot: LabelSnapshot, candidates: Candidates, fitted: HeadFitResult
) -> RoundRecord | None:
    """Store and return the record of this round; None without a head, or if it was measured before."""
    head, embedded, training, context = fitted.head, fitted.embedded, fitted.training_labels, fitted.context
    ledger, settings, number = campaign.ledger, campaign.settings, snapshot.closed_round_count
    if head is None or fitted.confidence is None:
        return None
    model = _digest_training_inputs(embedded.embedder.fingerprint, campaign.recipes["head"], training)
    history = ledger.history()
    if history and (history[-1].round, history[-1].model) == (number, model):
        return None
    items, features, new_head = embedded.listing.items, embedded.embedding.features, campaign.parts.new_head
    held_out = np.flatnonzero(embedded.listing.is_held_out & embedded.embedding.is_readable).tolist()
    test = [(key, name) for key in held_out if (name := items[key].label) is not None]
    if held_out and not test:
        without = (
            "The %d images that are kept for testing have no class. To measure on them, give their classes in the pool."
        )
        log.warning(without, len(held_out))
    rng = seeding.generator(settings.seed, "evaluation", number)
    audit_rng = seeding.generator(settings.seed, "audit evaluation", number)
    basis = AUDIT_BASIS if settings.duplicates.by is None else DEDUPLICATED_AUDIT_BASIS
    counts = describe_image_counts(embedded.listing, training, settings.holdout.group)
    evaluation = evaluate_or_cross_validate(head, new_head, features, training, context, test, rng, counts)
    draws = load_audit_draws(campaign, len(features))
    unlabelled = candidates.unlabelled_keys
    audit = evaluate_audit(
        new_head, fitted.confidence, features, training, context, draws, unlabelled, audit_rng, basis, counts
    )
    record = RoundRecord(
        round=number,
        labels=int(training.is_by_people.sum()),
        unlabelled=len(unlabelled),
        set_aside=len(ledger.unreadable_reasons()),
        classes=training.classes,
        evaluation=evaluation,
        audit=None if audit is None else audit.evaluation,
        fingerprint=embedded.embedder.fingerprint,
        seconds={phase: round(seconds, 3) for phase, seconds in cache.seconds.items()},
        at=datetime.now(UTC),
        model=model,
        no_evaluation="" if evaluation is not None else explain_missing_evaluation(training),
        fine_tuning=fine_tuning_summary(campaign, number),
        unlabelled_accuracy=None if audit is None else audit.unlabelled,
        whole_pool_accuracy=None if audit is None else audit.whole_pool,
    )
    cache.seconds.clear()
    with ledger.transaction():
        ledger.add_record(record)
    return record


def _digest_training_inputs(fingerprint: str, head: Mapping[str, Any], training: TrainingLabels) -> str:
    """Digest everything that a head's training depends on: embedding, recipe and labels."""
    description = json.dumps([fingerprint, dict(head), training.classes], sort_keys=True, default=str).encode()
    return hashlib.blake2b(description + training.keys.tobytes() + training.y.tobytes(), digest_size=8).hexdigest()


def load_audit_draws(campaign: Campaign, item_count: int) -> list[AuditDraw]:
    """Return every random draw from the `item_count` listed items, oldest first.

    Earlier versions did not record the images that a round could draw. These were all images without a label.
    """
    ledger = campaign.ledger
    strata = ledger.audit_strata()
    labelled_in = np.full(item_count, np.iinfo(np.int64).max)
    for label in campaign.decided_labels().counted:
        labelled_in[label.item] = label.round or 0
    return [
        AuditDraw(
            np.array(sorted(stored.audit_keys), np.int64),
            strata.get(stored.number, np.asarray(labelled_in >= stored.number, np.int64)),
        )
        for stored in ledger.stored_rounds()
        if stored.audit_keys
    ]
