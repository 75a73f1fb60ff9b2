"""Fine-tune the backbone when there are enough new labels."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from alframe import seeding
from alframe.builtins import REGISTRIES
from alframe.contracts import UsesFitContext
from alframe.engine.embedding.feature_source import FeatureSource, UnbuiltEmbedder
from alframe.engine.fit import drop_labels_given_on, make_training_labels, split_for_fine_tuning
from alframe.engine.listing.pool_listing import PoolListing
from alframe.engine.weights_files import save_weights
from alframe.kit.files import content_hash
from alframe.loop.campaign import Campaign
from alframe.loop.network import earlier_fine_tunings, find_finetuned_keys, load_network
from alframe.loop.phase_results import LabelSnapshot, RunCache
from alframe.settings import TrainingPlan
from alframe.store.events import FineTuned
from alframe.store.files import replace_atomically
from alframe.types import Need

if TYPE_CHECKING:
    from alframe.engine.embedding.embedder import Embedder

log = logging.getLogger(__name__)

UNSEEN_FRACTION = 0.2  # of the labels


def fine_tune_if_due(campaign: Campaign, cache: RunCache, snapshot: LabelSnapshot) -> FeatureSource:
    """Return the network for the embedding, fine-tuned now if fine-tuning is due."""
    plan, trained = campaign.settings.finetune, earlier_fine_tunings(campaign)
    labels = len(snapshot.labels.counted)
    next_at = plan.start if not trained else trained[-1][1].labels + plan.every
    is_done = bool(trained) and trained[-1][0] == snapshot.closed_round_count
    is_due = plan.start is not None and next_at is not None and labels >= max(2, next_at) and not is_done
    if is_due:
        from alframe.engine.training.freezing import has_weights

        chosen = plan.again if trained else plan.first
        # From the stored weights, not from those in memory, so that a resumed run starts from the same bits.
        embedder = load_network(campaign, chosen.warm).build()
        if has_weights(embedder.module):
            return _fine_tune_backbone(campaign, cache, chosen, snapshot, embedder)
    if cache.embedded is not None:
        return cache.embedded.embedder
    source = load_network(campaign)
    freezes = {plan.first.freeze, plan.again.freeze}
    is_built = not isinstance(source, UnbuiltEmbedder)
    must_look = is_due or is_built or freezes != {"none"}  # a wrong setting shows now, not after a thousand labels
    if plan.start is not None and must_look:
        from alframe.engine.training.freezing import has_weights, parameters_to_freeze

        module = source.build().module
        if not has_weights(module):
            name = REGISTRIES["backbone"].describe(campaign.recipes["backbone"])
            log.info("The %s has no weights, so it is never fine-tuned: finetune.start has no effect.", name)
            return source
        for freeze in sorted(freezes):
            parameters_to_freeze(module, freeze)
    return source


def _fine_tune_backbone(
    campaign: Campaign, cache: RunCache, plan: TrainingPlan, snapshot: LabelSnapshot, embedder: Embedder
) -> FeatureSource:
    from alframe.engine.embedding.embedder import embedder_from_module
    from alframe.engine.training.fine_tune import fine_tune

    items, number = cache.listing.items, snapshot.closed_round_count
    settings, compute = campaign.settings, campaign.parts.compute
    usable = np.ones(len(items), bool)
    usable[[*campaign.ledger.unreadable_reasons(), *(cache.embedded.replaced if cache.embedded else ())]] = False
    labelled = make_training_labels(campaign.labels_with_propagated(items), items, usable, settings.classes)
    # Not on the images that the model is measured on: their features would know the answer.
    answered, group = drop_labels_given_on(labelled, campaign.audit_keys()), settings.holdout.group
    finetuned_keys, earlier = find_finetuned_keys(campaign), earlier_fine_tunings(campaign)
    left_out_before = set(earlier[-1][1].left_out) if earlier else set()
    fraction, rng = _left_out_fraction(campaign, cache.listing), seeding.generator(settings.seed, "unseen", number)
    training, left_out = split_for_fine_tuning(answered, items, finetuned_keys, left_out_before, group, fraction, rng)
    seed = seeding.integer_seed(settings.seed, "finetune", number)
    module, spec, device = embedder.module, embedder.input_spec, compute.device()
    loss = campaign.parts.loss.bind(embedder.dim, len(training.classes), seed)
    labelled_items = [items[key] for key in training.keys.tolist()]
    result = fine_tune(
        module, loss, labelled_items, training.y, spec, plan, seed, device, compute.worker_count(), group
    )
    recipe, file = campaign.recipes["backbone"], f"models/backbone-{number:04d}.safetensors"
    with replace_atomically(campaign.folder / file) as temporary:
        save_weights(module.state_dict(), temporary)
    trained = FineTuned(
        len(snapshot.labels.counted),
        file,
        dict(recipe),
        digest=content_hash(campaign.folder / file),
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


def _left_out_fraction(campaign: Campaign, listing: PoolListing) -> float:
    """Return the fraction of the labels that fine-tuning leaves out (see the setting `finetune.unseen`)."""
    chosen = campaign.settings.finetune.unseen
    if chosen is not None:
        return chosen
    has_test = any(listing.items[key].label is not None for key in np.flatnonzero(listing.is_held_out).tolist())
    measures_itself = (
        isinstance(campaign.parts.new_head(), UsesFitContext)
        or Need.IS_UNSEEN_BY_BACKBONE in campaign.parts.sampler.needs
    )
    return UNSEEN_FRACTION if measures_itself or not has_test else 0.0
