"""Serve people while the campaign goes on: what they are shown of it, and where their label source is served."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from alframe import seeding
from alframe.contracts import ServesPeople, Serving
from alframe.engine.measuring.evaluate import UNSEEN_BASIS, predict_folds
from alframe.kit.evaluations import find_leading
from alframe.kit.pool_views import predict_in_chunks
from alframe.loop.agreement import measure_agreement
from alframe.loop.answers import count_required_answers, label_source_of
from alframe.loop.campaign import Campaign
from alframe.loop.discovery import describe_unseen_classes
from alframe.loop.phase_results import HeadFitResult, RunCache
from alframe.store.events import Arranged
from alframe.store.records import StoredRound
from alframe.types import CROSS_VALIDATION_BASIS, UNSURE, CampaignSnapshot, Floats, KnownLabel, PoolPredictions

_FOLDS = 5
_MIN_LABELS = 10  # below, a model that has not seen a fold of them says nothing


@contextmanager
def serve_people(campaign: Campaign) -> Iterator[Serving | None]:
    """Serve people by the chosen label source, or by that of the open request; None if both only leave files."""
    rounds = campaign.ledger.rounds()  # the ledger is made before anything of the label source's
    sources = [campaign.parts.label_source]
    if rounds and not rounds[-1].closed:
        sources.append(label_source_of(campaign, rounds[-1]))
    for source in sources:
        if isinstance(source, ServesPeople):
            with source.serve(campaign.project.request_folder) as serving:
                yield serving
            return
    yield None


def is_open_request_served(campaign: Campaign) -> bool:
    """Return whether people answer the open request where they are served, not in files that another source left."""
    rounds = campaign.ledger.rounds()
    return bool(rounds) and isinstance(label_source_of(campaign, rounds[-1]), ServesPeople)


def take_snapshot(campaign: Campaign, cache: RunCache, fitted: HeadFitResult | None) -> CampaignSnapshot:
    """Return the campaign as it is now; with what the model thinks of the pool, if one is given."""
    ledger, labels, items = campaign.ledger, campaign.labels(), cache.listing.items
    rounds, stopping = ledger.rounds(), campaign.parts.stopping
    newest = rounds[-1] if rounds and not rounds[-1].closed else None
    arranged = dict(ledger.events(Arranged))
    hidden: set[int] = set()
    unanswered: set[int] = set()
    for stored in rounds:
        hidden_here = find_hidden_keys(stored, arranged.get(stored.number))
        hidden |= hidden_here
        unanswered |= hidden_here if stored.closed else set()
    labelled = [label.item for label in labels.counted]
    unlabelled = cache.listing.is_present & ~cache.listing.is_held_out
    unlabelled[labelled] = False
    return CampaignSnapshot(
        items=items,
        classes=tuple(sorted({*campaign.settings.classes, *labels.class_first_rounds} - {UNSURE})),
        labels=[
            KnownLabel(each.item, each.class_name, each.annotator, each.origin, each.round, each.labelled_at)
            for each in labels.counted
        ],
        history=ledger.history(),
        open_round=newest.number if newest else None,
        asked=newest.keys if newest else (),
        answers_needed=count_required_answers(campaign, len(newest.keys)) if newest else 0,
        without_suggestion=hidden,
        predictions=None if fitted is None or fitted.head is None else _predict(campaign, fitted),
        features=None if fitted is None else fitted.embedded.embedding.features,
        features_version="" if fitted is None else fitted.embedded.embedder.fingerprint,
        unlabelled=int(unlabelled.sum()),
        labels_left=None if stopping is None else stopping.labels_left(len(labels.counted)),
        unanswered_without_suggestion_count=len(unanswered.difference(labelled)),
        conflicts=campaign.settings.conflicts,
        agreement=measure_agreement(ledger.label_rows()),
        class_counts=Counter(label.class_name for label in labels.counted),
        unseen_classes=describe_unseen_classes(campaign),
    )


def find_hidden_keys(stored: StoredRound, arranged: Arranged | None) -> set[int]:
    """Return the keys of a round that are shown without the model's suggestion.

    Rounds of an earlier version have no arrangement: all of them, so that it does not show which were audited.
    """
    if arranged is None:
        return set(stored.keys) if stored.audit_keys else set()
    return {key for key, is_hidden in zip(stored.keys, arranged.without_suggestion, strict=True) if is_hidden}


def _predict(campaign: Campaign, fitted: HeadFitResult) -> PoolPredictions:
    """Predict every image of the pool; a labelled one by a model that has not seen its label.

    Where fine-tuning has used the label, its embedding knows it: then the doubt is not known.
    """
    embedding, listing, training = fitted.embedded.embedding, fitted.embedded.listing, fitted.training
    keys = np.flatnonzero(embedding.is_readable & listing.is_present & ~listing.is_held_out)
    probs = predict_in_chunks(embedding.features, keys, fitted.require_head().probs)
    doubt = np.full(len(keys), math.nan, np.float32)
    rows = np.searchsorted(keys, training.keys)
    known = (rows < len(keys)) & (keys[np.minimum(rows, len(keys) - 1)] == training.keys)
    if len(training.keys) >= _MIN_LABELS:
        unseen = _predict_unseen(campaign, fitted)
        known &= training.is_unseen_by_backbone
        probs[rows[known]] = unseen[known]
        doubt[rows[known]] = 1 - unseen[known, training.y[known]]
    return PoolPredictions(keys, probs.argmax(axis=1), probs.max(axis=1), doubt, training.classes)


def _predict_unseen(campaign: Campaign, fitted: HeadFitResult) -> Floats:
    """Return (m, C) what models say of the labelled images that have seen neither these nor others of their groups."""
    training, groups = fitted.training, fitted.training.groups
    rng = seeding.generator(campaign.settings.seed, "doubt", len(training.keys))
    fold_of_group = rng.permutation(int(groups.max()) + 1) % _FOLDS
    folds = fold_of_group[groups]
    splits = []
    for fold in range(_FOLDS):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(test) and len(np.unique(training.y[train])) > 1:
            splits.append((train, test))
    x = fitted.embedded.embedding.features[training.keys]
    new_head, classes = campaign.parts.new_head, len(training.classes)
    probs = predict_folds(new_head, x, training.y, fitted.context, classes, splits, rng)
    missing = probs.sum(axis=1) == 0  # a fold that leaves a single class to learn
    if missing.any():
        probs[missing] = fitted.require_head().probs(x[missing])
    return probs


def describe_accuracy(campaign: Campaign) -> str:
    """Return how good the model is in a sentence, or why that is not known; "" before the first model."""
    history = campaign.ledger.history()
    if not history:
        return ""
    leading = find_leading(history)
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
    return text
