"""What the model says of every image of the pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alframe.engine.fit import predict_in_chunks
from alframe.loop.answers import load_answered
from alframe.loop.campaign import Campaign
from alframe.loop.requests import count_closed_rounds
from alframe.loop.round import train_and_measure
from alframe.loop.round_state import RoundState
from alframe.loop.values import Fitted
from alframe.types import Item, Label, Predictions


def fit_all_labels(campaign: Campaign, state: RoundState) -> Fitted:
    """Learn from all labels there are, whatever is still asked for."""
    fitted, _, _ = train_and_measure(campaign, state, load_answered(campaign))
    return fitted


def item_labels(campaign: Campaign, items: Sequence[Item]) -> dict[int, Label]:
    """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""
    return {
        label.item: Label(
            items[label.labelled_on].id, label.class_name, label.annotator, label.labelled_at, label.file, label.row
        )
        for label in campaign.training_labels(items)
    }


def predict_pool(campaign: Campaign, state: RoundState, fitted: Fitted) -> Predictions:
    """Predict every image that is present and can be read. Raises LabelError if there are too few labels."""
    head, embedding, items = fitted.require_head(), fitted.embedded.embedding, state.listing.items
    keys, labels = np.flatnonzero(embedding.readable & state.listing.present), item_labels(campaign, items)
    return Predictions(
        items=[items[key] for key in keys.tolist()],
        probs=predict_in_chunks(embedding.features, keys, head.probs),
        classes=fitted.training.classes,
        labels=[labels.get(key) for key in keys.tolist()],
        round=count_closed_rounds(campaign.ledger),
    )
