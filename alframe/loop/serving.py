"""Serve people while the campaign runs: choose the label source to serve, and give it the state of the campaign."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from alframe import seeding
from alframe.contracts import LabellingServer, ServesPeople
from alframe.engine.measuring.evaluate import UNSEEN_BASIS, predict_by_groups
from alframe.kit.leading_evaluation import find_leading_evaluation
from alframe.loop.agreement import measure_agreement
from alframe.loop.answers import count_required_answers, label_source_of
from alframe.loop.campaign import Campaign
from alframe.loop.discovery import describe_unseen_classes
from alframe.loop.item_names import with_served_ids
from alframe.loop.phase_results import HeadFitResult, RunCache
from alframe.loop.target import describe_target
from alframe.store.events import BatchArranged
from alframe.store.records import StoredRound
from alframe.types import CROSS_VALIDATION_BASIS, UNSURE, CampaignSnapshot, Floats, KnownLabel, PoolPredictions

LOW_ACCURACY = 0.5  # the accuracy below which people are warned of the suggestions
MIN_OUT_OF_FOLD_LABELS = 10  # below, a model that has not seen a fold of them says nothing


@contextmanager
def serving_people(campaign: Campaign) -> Iterator[LabellingServer | None]:
    """Start the server of the chosen label source, or of the open request; yield None if neither has a server."""
    rounds = campaign.ledger.stored_rounds()  # the ledger is made before anything of the label source's
    sources = [campaign.parts.label_source]
    if rounds and not rounds[-1].closed:
        sources.append(label_source_of(campaign, rounds[-1]))
    for source in sources:
        if isinstance(source, ServesPeople):
            with source.serve(campaign.project.request_folder) as serving:
                yield serving
            return
    yield None


def is_last_request_served(campaign: Campaign) -> bool:
    """Return whether the label source of the last request has a server, so that people do not answer in files."""
    rounds = campaign.ledger.stored_rounds()
    return bool(rounds) and isinstance(label_source_of(campaign, rounds[-1]), ServesPeople)


def take_snapshot(campaign: Campaign, cache: RunCache, fitted: HeadFitResult | None) -> CampaignSnapshot:
    """Return the present state of the campaign, with the predictions for the pool if `fitted` has a model."""
    ledger, labels, items = campaign.ledger, campaign.decided_labels(), cache.listing.items
    rounds, stopping = ledger.stored_rounds(), campaign.parts.stopping
    newest = rounds[-1] if rounds and not rounds[-1].closed else None
    hidden = keys_without_suggestion_by_round(campaign)
    unanswered = set[int]().union(*(hidden[stored.number] for stored in rounds if stored.closed))
    labelled = [label.item for label in labels.counted]
    unlabelled = cache.listing.is_present & ~cache.listing.is_held_out
    unlabelled[labelled] = False
    return CampaignSnapshot(
        items=with_served_ids(ledger, items),
        classes=tuple(sorted({*campaign.settings.classes, *labels.class_first_rounds} - {UNSURE})),
        labels=[
            KnownLabel(each.item, each.class_name, each.annotator, each.origin, each.round, each.labelled_at)
            for each in labels.counted
        ],
        history=ledger.all_records(),
        open_round=newest.number if newest else None,
        asked=newest.keys if newest else (),
        answers_needed=count_required_answers(campaign, len(newest.keys)) if newest else 0,
        without_suggestion=set[int]().union(*hidden.values()),
        predictions=None if fitted is None or fitted.head is None else _predict_with_doubt(campaign, fitted),
        features=None if fitted is None else fitted.embedded.embedding.features,
        features_version="" if fitted is None else fitted.embedded.embedder.fingerprint,
        unlabelled=int(unlabelled.sum()),
        labels_left=None if stopping is None else stopping.labels_left(len(labels.counted)),
        unanswered_without_suggestion_count=len(unanswered.difference(labelled)),
        conflicts=campaign.settings.conflicts,
        agreement=measure_agreement(ledger.stored_labels(), campaign.recheck_rounds()),
        class_counts=Counter(label.class_name for label in labels.counted),
        unseen_classes=describe_unseen_classes(campaign),
    )


def keys_without_suggestion_by_round(campaign: Campaign) -> dict[int, set[int]]:
    """Return, for each round, the keys that are shown without the model's suggestion. The audit is among them.

    For a closed round that asked about labelled images again, no keys are returned.
    """
    arranged, rechecks = dict(campaign.ledger.events_of(BatchArranged)), campaign.recheck_rounds()
    return {
        stored.number: set()
        if stored.closed and stored.number in rechecks
        else find_keys_without_suggestion(stored, arranged.get(stored.number))
        for stored in campaign.ledger.stored_rounds()
    }


def find_keys_without_suggestion(stored: StoredRound, arranged: BatchArranged | None) -> set[int]:
    """Return the keys of a round that are shown without the model's suggestion.

    Rounds of an earlier version have no arrangement. If they have an audit, all keys are returned, to hide it.
    """
    if arranged is None:
        return set(stored.keys) if stored.audit_keys else set()
    return {key for key, is_hidden in zip(stored.keys, arranged.without_suggestion, strict=True) if is_hidden}


def _predict_with_doubt(campaign: Campaign, fitted: HeadFitResult) -> PoolPredictions:
    """Predict every image of the pool. A labelled image is predicted by a model that has not seen its label.

    If fine-tuning has used the label, its embedding contains it, so there is no value for the doubt.
    """
    embedding, listing, training = fitted.embedded.embedding, fitted.embedded.listing, fitted.training_labels
    keys = np.flatnonzero(embedding.is_readable & listing.is_present & ~listing.is_held_out)
    assert fitted.confidence is not None, "there is a head"
    class_numbers, confidence = fitted.confidence.class_numbers(keys), fitted.confidence.of(keys)
    doubt = np.full(len(keys), math.nan, np.float32)
    rows = np.searchsorted(keys, training.keys)
    known = (rows < len(keys)) & (keys[np.minimum(rows, len(keys) - 1)] == training.keys)
    if len(training.keys) >= MIN_OUT_OF_FOLD_LABELS:
        known &= training.is_unseen_by_backbone
        unseen, rows = predict_probs_out_of_fold(campaign, fitted)[known], rows[known]
        class_numbers[rows], confidence[rows] = unseen.argmax(axis=1), unseen.max(axis=1)
        doubt[rows] = 1 - unseen[np.arange(len(rows)), training.y[known]]
    return PoolPredictions(keys, class_numbers, confidence, doubt, training.classes)


def predict_probs_out_of_fold(campaign: Campaign, fitted: HeadFitResult) -> Floats:
    """Return probabilities (m, C) of the labelled images, by models that have not seen any image of their groups.

    If a fold leaves only one class for training, its rows come from the present head, which has seen them.
    """
    training = fitted.training_labels
    rng = seeding.generator(campaign.settings.seed, "doubt", len(training.keys))
    x = fitted.embedded.embedding.features[training.keys]
    new_head, classes = campaign.parts.new_head, len(training.classes)
    probs = predict_by_groups(new_head, x, training.y, fitted.context, classes, rng)
    missing = probs.sum(axis=1) == 0
    if missing.any():
        probs[missing] = fitted.require_head().probs(x[missing])
    return probs


def describe_accuracy(campaign: Campaign) -> str:
    """Return a sentence on the accuracy of the model, or why it is not known; "" before the first model."""
    history = campaign.ledger.history()
    if not history:
        return ""
    leading = find_leading_evaluation(history)
    if leading is None:
        return history[-1].no_evaluation
    record, evaluation = leading
    rest = record.unlabelled_accuracy if evaluation is record.audit else None
    found, where = (rest, f" of the {rest.images:,} images without a label") if rest else (evaluation, "")
    bounds = f"{100 * found.low:.0f} to {100 * found.high:.0f} %"
    if found.is_small:
        share = f"{bounds}{where} (95 % interval; {evaluation.n} images are too few for one number)"
    else:
        share = f"{100 * found.accuracy:.0f} %{where} (95 % interval: {bounds})"
    unmeasured, classes = len(evaluation.unmeasured_classes), len(evaluation.classes)
    gaps = f"; {unmeasured} of {classes} classes have no image among these" if unmeasured else ""
    text = f"Accuracy after {record.labels} labels: {share}, measured on {evaluation.n} {evaluation.basis}{gaps}."
    if evaluation.basis in (CROSS_VALIDATION_BASIS, UNSEEN_BASIS):
        text += " These images were not drawn at random, so the accuracy in the pool can be different."
    if found.accuracy < LOW_ACCURACY:
        text += " Most suggestions can be wrong: look at each image before you confirm a group."
    return f"{text} {describe_target(campaign)}".rstrip()
