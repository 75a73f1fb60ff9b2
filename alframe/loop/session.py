"""A session: a campaign as a task works with it (see `alframe.contracts.Session`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Task
from alframe.engine.fit import predict_in_chunks
from alframe.errors import StoreError
from alframe.loop.answers import load_label_snapshot
from alframe.loop.campaign import Campaign
from alframe.loop.embedding import embed_pool
from alframe.loop.experiment import prepare_run
from alframe.loop.finetune import update_embedder
from alframe.loop.phase_results import Fitted, RunCache
from alframe.loop.round import train_and_measure
from alframe.types import Floats, Item, Label, Predictions, RoundRecord


@dataclass
class Session(Campaign):
    """The campaign and the task of one call of the command line.

    From Python: ``with open_session("project=season") as session: session.task.run(session)``.
    """

    log = logging.getLogger("alframe.task")

    @cached_property
    def task(self) -> Task:
        """The task to run."""
        return cast(Task, REGISTRIES["task"].build(self.recipes["task"]))

    def items(self) -> Sequence[Item]:
        """Return every item of the project, by key."""
        return self.ledger.items()

    def item_labels(self) -> dict[int, Label]:
        """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""
        return item_labels(self, self.items())

    def history(self) -> Sequence[RoundRecord]:
        """Return the record of each round, oldest first."""
        return self.ledger.history()

    def features(self) -> Floats:
        """Return the embeddings (N, D) of all items by key, zeros where an image cannot be read; made where missing."""
        state = self._run_cache
        return embed_pool(self, state, update_embedder(self, state, load_label_snapshot(self))).embedding.features

    def predictions(self) -> Predictions:
        """Predict every readable image of the pool by a model fitted on all labels. Raises LabelError for too few."""
        return predict_pool(self, self._run_cache, train_on_all_labels(self, self._run_cache))

    @cached_property
    def _run_cache(self) -> RunCache:
        if self.read_only:
            raise StoreError(
                "A task that embeds or predicts the pool writes to the project: set its read_only = False."
            )
        return prepare_run(self)


def train_on_all_labels(campaign: Campaign, state: RunCache) -> Fitted:
    """Learn from all labels so far, even while a request is open."""
    fitted, _, _ = train_and_measure(campaign, state, load_label_snapshot(campaign))
    return fitted


def item_labels(campaign: Campaign, items: Sequence[Item]) -> dict[int, Label]:
    """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""
    return {label.item: label.to_label(items[label.labelled_on].id) for label in campaign.effective_labels(items)}


def predict_pool(campaign: Campaign, state: RunCache, fitted: Fitted) -> Predictions:
    """Predict every image that is present and can be read. Raises LabelError if there are too few labels."""
    head, embedding, items = fitted.require_head(), fitted.embedded.embedding, state.listing.items
    keys, labels = np.flatnonzero(embedding.readable & state.listing.present), item_labels(campaign, items)
    return Predictions(
        items=[items[key] for key in keys.tolist()],
        probs=predict_in_chunks(embedding.features, keys, head.probs),
        classes=fitted.training.classes,
        labels=[labels.get(key) for key in keys.tolist()],
        round=load_label_snapshot(campaign).closed_rounds,
    )
