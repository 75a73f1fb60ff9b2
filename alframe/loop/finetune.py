"""Fine-tune the backbone when enough new labels have come."""

from __future__ import annotations

import numpy as np
from safetensors.torch import load_file, save_file

from alframe import seeding
from alframe.engine.embedding.embedder import Embedder, embedder_from_module, make_embedder
from alframe.engine.fit import drop_answers, make_training_labels
from alframe.engine.training.fine_tune import fine_tune
from alframe.engine.training.freezing import frozen_parameters
from alframe.loop.campaign import Campaign
from alframe.loop.phase_results import LabelSnapshot, RunCache
from alframe.settings import TrainingPlan
from alframe.store.events import Trained
from alframe.store.files import replace_atomically


def update_embedder(campaign: Campaign, cache: RunCache, snapshot: LabelSnapshot) -> Embedder:
    """Return the network to embed with: fine-tuned now, if that is due, or else as it was."""
    plan, trained = campaign.settings.finetune, _earlier_trainings(campaign)
    labels = len(snapshot.labels.counted)
    next_at = plan.start if not trained else trained[-1][1].labels + plan.every
    is_done = bool(trained) and trained[-1][0] == snapshot.closed_rounds
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
    weights = load_file(campaign.folder / trained[-1][1].file) if trained else None
    seed = campaign.settings.seed if campaign.network_seed is None else campaign.network_seed
    device, inference = campaign.parts.compute.device(), campaign.settings.inference
    return make_embedder(campaign.parts.backbone, campaign.recipes["backbone"], seed, device, weights, inference)


def _fine_tune_backbone(campaign: Campaign, cache: RunCache, plan: TrainingPlan, snapshot: LabelSnapshot) -> Embedder:
    # From the stored weights, not from those in memory, so that a resumed run starts from the same bits.
    embedder = _load_embedder(campaign, plan.warm)
    items, number = cache.listing.items, snapshot.closed_rounds
    settings, compute = campaign.settings, campaign.parts.compute
    usable = np.ones(len(items), bool)
    usable[[*campaign.ledger.unreadable(), *(cache.embedded.replaced if cache.embedded else ())]] = False
    labelled = make_training_labels(campaign.effective_labels(items), items, usable, settings.classes)
    # Not on the images that the model is measured on: their features would know the answer.
    training = drop_answers(labelled, campaign.audit_keys())
    seed = seeding.integer_seed(settings.seed, "finetune", number)
    module, spec, device, group = embedder.module, embedder.spec, compute.device(), settings.holdout.group
    loss = campaign.parts.loss.bind(embedder.dim, len(training.classes), seed)
    labelled_items = [items[key] for key in training.keys.tolist()]
    fine_tune(module, loss, labelled_items, training.y, spec, plan, seed, device, compute.workers(), group)
    recipe, file = campaign.recipes["backbone"], f"models/backbone-{number:04d}.safetensors"
    with replace_atomically(campaign.folder / file) as temporary:
        weights = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
        save_file(weights, temporary)
    with campaign.ledger.transaction():
        campaign.ledger.add_event(number, Trained(len(snapshot.labels.counted), file, dict(recipe)))
    return embedder_from_module(module, spec, recipe, embedder.device, settings.inference)
