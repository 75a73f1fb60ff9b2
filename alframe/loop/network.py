"""The network for the embedding, which is built only when something must be embedded."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alframe.builtins import REGISTRIES
from alframe.contracts import HasWeightsFiles
from alframe.engine.embedding.feature_source import FeatureSource, UnbuiltEmbedder
from alframe.engine.weights_files import load_weights
from alframe.errors import StoreError
from alframe.kit.files import content_hash
from alframe.loop.campaign import Campaign
from alframe.loop.parts import list_package_versions
from alframe.store.events import FineTuned
from alframe.store.known_networks import KnownNetwork

if TYPE_CHECKING:
    import torch

    from alframe.engine.embedding.embedder import Embedder


def earlier_fine_tunings(campaign: Campaign) -> list[tuple[int, FineTuned]]:
    """Return (round, training) of the present backbone, without the trainings of other backbones."""
    recipe = dict(campaign.recipes["backbone"])
    return [(number, trained) for number, trained in campaign.ledger.events_of(FineTuned) if trained.backbone == recipe]


def load_network(campaign: Campaign, warm: bool = True) -> FeatureSource:
    """Load the backbone with the last stored weights, or with its own weights if there are none, or not `warm`.

    If an earlier command has built the same network, it is built only when it is needed.
    """
    trained = earlier_fine_tunings(campaign)[-1:] if warm else []
    networks, inference = campaign.project.known_networks, campaign.settings.inference
    origin = _network_origin(campaign, trained[0][1] if trained else None)

    def build() -> Embedder:
        from alframe.engine.embedding.embedder import make_embedder

        weights = (
            _load_fine_tuned_weights(campaign.folder / trained[0][1].file, trained[0][1].digest) if trained else None
        )
        backbone, device = campaign.parts.backbone, campaign.parts.compute.device()
        recipe, seed = campaign.recipes["backbone"], _network_seed(campaign)
        embedder = make_embedder(backbone, recipe, seed, device, weights, inference)
        files = () if trained else backbone.weights_files() if isinstance(backbone, HasWeightsFiles) else None
        if files is not None:
            networks.remember(origin, KnownNetwork(embedder.network_digest, embedder.input_spec), files)
        return embedder

    # Which engine `auto` means, and whether there is an Apple GPU, whose features are its own, is asked of torch.
    known = None if inference.engine == "auto" or sys.platform == "darwin" else networks.find(origin)
    return build() if known is None else UnbuiltEmbedder(known, inference, build, partial(networks.forget, origin))


def _network_origin(campaign: Campaign, trained: FineTuned | None) -> dict[str, Any]:
    """Return all values that decide a network, except the files of its weights; `trained`: its fine-tuning, or None."""
    backbone, recipe = campaign.parts.backbone, dict(campaign.recipes["backbone"])
    draws_weights = trained is None and not (isinstance(backbone, HasWeightsFiles) and not backbone.draws_weights)
    part = REGISTRIES["backbone"].get(str(recipe["name"]))
    return {
        "backbone": recipe,
        "from": f"{part.owner} {part.version}",
        "seed": _network_seed(campaign) if draws_weights else None,
        "trained": None if trained is None else trained.digest,
        "packages": {name: list_package_versions().get(name) for name in ("alframe", "torch", "timm")},
    }


def _network_seed(campaign: Campaign) -> int:
    return campaign.settings.seed if campaign.network_seed is None else campaign.network_seed


def find_finetuned_keys(campaign: Campaign) -> set[int]:
    """Return the keys of the labelled items that the present network was fine-tuned on."""
    trainings = earlier_fine_tunings(campaign)
    if not trainings:
        return set()
    number, trained = trainings[-1]
    if trained.seen is not None:
        return set(trained.seen)
    # An older version has left out nothing but the audit: all else that may have been answered by then was trained on.
    answered = {label.item for label in campaign.decided_labels().counted if (label.round or 0) <= number}
    return answered - set(campaign.audit_keys().tolist())


def fine_tuning_summary(campaign: Campaign, round_number: int) -> dict[str, Any]:
    """Return the results of the training of this round, or {} without one (older versions did not record them)."""
    results = "labels", "losses", "train_accuracy", "validation_f1", "best_epoch"
    trainings = [trained for number, trained in earlier_fine_tunings(campaign) if number == round_number]
    return {name: getattr(trained, name) for trained in trainings[-1:] if trained.losses for name in results}


def _load_fine_tuned_weights(file: Path, digest: str) -> dict[str, torch.Tensor]:
    """Return stored weights. Raises StoreError if the file has changed, because all embeddings would change."""
    advice = "Restore it from a backup of the project."
    weights = load_weights(file, advice)
    if digest and content_hash(file) != digest:
        raise StoreError(f"{file} is damaged: its checksum is wrong. {advice}")
    return weights
