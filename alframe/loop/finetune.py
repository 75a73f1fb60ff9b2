"""Fine-tune the backbone when enough new labels have come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from alframe import seeding
from alframe.contracts import UsesFitContext
from alframe.engine.embedding.embedder import Embedder, embedder_from_module, make_embedder
from alframe.engine.fit import drop_answers, leave_out_groups, make_training_labels
from alframe.engine.listing.pool_listing import PoolListing
from alframe.engine.training.fine_tune import fine_tune
from alframe.engine.training.freezing import frozen_parameters
from alframe.engine.weights_files import file_digest, load_weights, save_weights
from alframe.errors import StoreError
from alframe.loop.campaign import Campaign
from alframe.loop.phase_results import LabelSnapshot, RunCache
from alframe.settings import TrainingPlan
from alframe.store.events import Trained
from alframe.store.files import replace_atomically
from alframe.types import Need

UNSEEN_FRACTION = 0.2  # of the labels


def update_embedder(campaign: Campaign, cache: RunCache, snapshot: LabelSnapshot) -> Embedder:
    """Return the network to embed with: fine-tuned now, if that is due, or else as it was."""
    plan, trained = campaign.settings.finetune, _earlier_trainings(campaign)
    labels = len(snapshot.labels.counted)
    next_at = plan.start if not trained else trained[-1][1].labels + plan.every
    is_done = bool(trained) and trained[-1][0] == snapshot.closed_round_count
    if plan.start is not None and next_at is not None and labels >= max(2, next_at) and not is_done:
        return _fine_tune_backbone(campaign, cache, plan.again if trained else plan.first, snapshot)
    if cache.embedded is not None:
        return cache.embedded.embedder
    embedder = _load_embedder(campaign)
    if plan.start is not None:  # a stage that is not there shows now, and not after a thousand labels
        for training_plan in (plan.first, plan.again):
            frozen_parameters(embedder.module, training_plan.freeze)
    return embedder


def _earlier_trainings(campaign: Campaign) -> list[tuple[int, Trained]]:
    """Return (round, training) of the backbone that is chosen now; trainings of other backbones do not count."""
    recipe = dict(campaign.recipes["backbone"])
    return [(number, trained) for number, trained in campaign.ledger.events(Trained) if trained.backbone == recipe]


def _load_embedder(campaign: Campaign, warm: bool = True) -> Embedder:
    """Load the backbone with the weights stored last, or those it comes with if there are none, or not `warm`."""
    trained = _earlier_trainings(campaign) if warm else []
    weights = _load_trained(campaign.folder / trained[-1][1].file, trained[-1][1].digest) if trained else None
    seed = campaign.settings.seed if campaign.network_seed is None else campaign.network_seed
    device, inference = campaign.parts.compute.device(), campaign.settings.inference
    return make_embedder(campaign.parts.backbone, campaign.recipes["backbone"], seed, device, weights, inference)


def find_finetuned_keys(campaign: Campaign) -> set[int]:
    """Return the keys of the labelled items that the network in use was fine-tuned on; none if it never was."""
    trainings = _earlier_trainings(campaign)
    if not trainings:
        return set()
    number, trained = trainings[-1]
    if trained.seen is not None:
        return set(trained.seen)
    # An older version has left out nothing but the audit: all else that may have been answered by then was trained on.
    answered = {label.item for label in campaign.labels().counted if (label.round or 0) <= number}
    return answered - set(campaign.audit_keys().tolist())


def describe_training(campaign: Campaign, round_number: int) -> dict[str, Any]:
    """Return how the training of this round went; nothing if there was none, or an older version did not record it."""
    results = "labels", "losses", "train_accuracy", "validation_f1", "best_epoch"
    trainings = [trained for number, trained in _earlier_trainings(campaign) if number == round_number]
    return {name: getattr(trained, name) for trained in trainings[-1:] if trained.losses for name in results}


def _unseen_fraction(campaign: Campaign, listing: PoolListing) -> float:
    """Return the part of the labels that fine-tuning leaves out (see the setting `finetune.unseen`)."""
    chosen = campaign.settings.finetune.unseen
    if chosen is not None:
        return chosen
    has_test = any(listing.items[key].label is not None for key in np.flatnonzero(listing.is_held_out).tolist())
    measures_itself = (
        isinstance(campaign.parts.new_head(), UsesFitContext)
        or Need.IS_UNSEEN_BY_BACKBONE in campaign.parts.sampler.needs
    )
    return UNSEEN_FRACTION if measures_itself or not has_test else 0.0


def _load_trained(file: Path, digest: str) -> dict[str, torch.Tensor]:
    """Return stored weights. Raises StoreError if they are not those that were stored: all embeddings would change."""
    advice = "Restore it from a backup of the project."
    weights = load_weights(file, advice)
    if digest and file_digest(file) != digest:
        raise StoreError(f"{file} is damaged: its checksum is wrong. {advice}")
    return weights


def _fine_tune_backbone(campaign: Campaign, cache: RunCache, plan: TrainingPlan, snapshot: LabelSnapshot) -> Embedder:
    # From the stored weights, not from those in memory, so that a resumed run starts from the same bits.
    embedder = _load_embedder(campaign, plan.warm)
    items, number = cache.listing.items, snapshot.closed_round_count
    settings, compute = campaign.settings, campaign.parts.compute
    usable = np.ones(len(items), bool)
    usable[[*campaign.ledger.unreadable(), *(cache.embedded.replaced if cache.embedded else ())]] = False
    labelled = make_training_labels(campaign.effective_labels(items), items, usable, settings.classes)
    # Not on the images that the model is measured on: their features would know the answer.
    answered, group = drop_answers(labelled, campaign.audit_keys()), settings.holdout.group
    finetuned_keys, earlier = find_finetuned_keys(campaign), _earlier_trainings(campaign)
    left_out_before = set(earlier[-1][1].left_out) if earlier else set()
    fraction, rng = _unseen_fraction(campaign, cache.listing), seeding.generator(settings.seed, "unseen", number)
    training, left_out = leave_out_groups(answered, items, finetuned_keys, left_out_before, group, fraction, rng)
    seed = seeding.integer_seed(settings.seed, "finetune", number)
    module, spec, device = embedder.module, embedder.spec, compute.device()
    loss = campaign.parts.loss.bind(embedder.dim, len(training.classes), seed)
    labelled_items = [items[key] for key in training.keys.tolist()]
    result = fine_tune(module, loss, labelled_items, training.y, spec, plan, seed, device, compute.workers(), group)
    recipe, file = campaign.recipes["backbone"], f"models/backbone-{number:04d}.safetensors"
    with replace_atomically(campaign.folder / file) as temporary:
        save_weights(module.state_dict(), temporary)
    trained = Trained(
        len(snapshot.labels.counted),
        file,
        dict(recipe),
        digest=file_digest(campaign.folder / file),
        seen=sorted({*training.keys.tolist(), *(finetuned_keys if plan.warm else ())}),
        left_out=sorted(left_out),
        losses=result.losses,
        train_accuracy=result.train_accuracy,
        validation_f1=result.validation_f1,
        best_epoch=result.best_epoch,
    )
    with campaign.ledger.transaction():
        campaign.ledger.add_event(number, trained)
    return embedder_from_module(module, spec, recipe, embedder.device, settings.inference)
