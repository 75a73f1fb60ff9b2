"""A session: a campaign as a task works with it (see `alframe.contracts.Session`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self, cast

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Task
from alframe.errors import StoreError
from alframe.kit.pool_views import predict_in_chunks
from alframe.loop.answers import load_label_snapshot
from alframe.loop.cache_folder import record_cache_folder
from alframe.loop.campaign import Campaign
from alframe.loop.embedding import embed_pool
from alframe.loop.experiment import list_pool_into_ledger
from alframe.loop.finetune import fine_tune_if_due
from alframe.loop.phase_results import HeadFitResult, RunCache
from alframe.loop.round import train_embed_and_measure
from alframe.store.events import BatchChosenBy, Predicted
from alframe.types import Floats, Item, ItemColumns, Label, Predictions, RequestedBatch, RoundRecord, Suggestion


@dataclass
class Session(Campaign):
    """The campaign and the task of one call of the command line; `runs`: where its folder is, if nobody has named it.

    `exports`: whether a run exports its results when it ends.
    From Python: ``with open_session("project=season") as session: session.task_to_run.run(session)``.
    """

    runs: Path | None = None
    exports: bool = True
    log = logging.getLogger("alframe.task")

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            if not self.read_only:
                record_cache_folder(self.folder, self.cache_folder)
        except BaseException:  # Ctrl-C too: nobody else gives the lock back
            self.project.close()
            raise
        return self

    @cached_property
    def task_to_run(self) -> Task:
        """The task to run."""
        return cast(Task, REGISTRIES["task"].build(self.recipes["task"]))

    def items(self) -> ItemColumns:
        """Return every item of the project, by key."""
        return self.ledger.items()

    def labels_by_key(self) -> dict[int, Label]:
        """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""
        return labels_by_key(self, self.items())

    def history(self) -> Sequence[RoundRecord]:
        """Return the record of each round, oldest first."""
        return self.ledger.history()

    def batches(self) -> Sequence[RequestedBatch]:
        """Return the images that each round requested, oldest round first, with their scores and predictions."""
        predicted, rechecks = dict(self.ledger.events_of(Predicted)), self.recheck_rounds()
        chosen_by = {number: event.sampler for number, event in self.ledger.events_of(BatchChosenBy)}
        batches = []
        for stored in self.ledger.stored_rounds():
            number, said = stored.number, predicted.get(stored.number, Predicted())
            sampler = chosen_by.get(number) or (stored.sampler if number in predicted else stored.start_sampler)
            batches.append(
                RequestedBatch(
                    round=number,
                    sampler="" if number in rechecks else sampler,
                    keys=stored.keys,
                    scores=stored.scores,
                    suggestions=tuple(map(Suggestion, said.classes, said.confidence)),
                    is_audit=tuple(key in stored.audit_keys for key in stored.keys),
                )
            )
        return batches

    def features(self) -> Floats:
        """Return the embeddings (N, D) of all items by key, zeros where an image cannot be read; made where missing."""
        cache = self._run_cache
        return embed_pool(self, cache, fine_tune_if_due(self, cache, load_label_snapshot(self))).embedding.features

    def final_predictions(self) -> Predictions:
        """Predict every readable image of the pool by a model fitted on all labels. Raises LabelError for too few."""
        return predict_pool(self, self._run_cache, train_on_all_labels(self, self._run_cache))

    @cached_property
    def _run_cache(self) -> RunCache:
        if self.read_only:
            raise StoreError(
                "A task that embeds or predicts the pool writes to the project: set its read_only = False."
            )
        return list_pool_into_ledger(self)


def train_on_all_labels(campaign: Campaign, cache: RunCache) -> HeadFitResult:
    """Learn from all labels so far, even while a request is open."""
    fitted, _, _ = train_embed_and_measure(campaign, cache, load_label_snapshot(campaign))
    return fitted


def labels_by_key(campaign: Campaign, items: Sequence[Item]) -> dict[int, Label]:
    """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""
    return {label.item: label.to_label(items[label.labelled_on].id) for label in campaign.labels_with_propagated(items)}


def predict_pool(campaign: Campaign, cache: RunCache, fitted: HeadFitResult) -> Predictions:
    """Predict every image that is present and can be read, and list each other image that has a label.

    An image that is held out has the label that the pool knows. One that has left the pool, or cannot be read any more,
    keeps its label; its probabilities are NaN if it cannot be embedded. Raises LabelError for too few labels.
    """
    head, embedding, listing = fitted.require_head(), fitted.embedded.embedding, cache.listing
    items = listing.items
    known = np.flatnonzero(listing.is_held_out).tolist() if campaign.uses_pool_labels else []
    labels = {key: Label(item.id, item.label) for key in known if (item := items[key]).label is not None}
    labels |= labels_by_key(campaign, items)
    is_listed = embedding.is_readable & listing.is_present
    is_listed[list(labels)] = True
    keys = np.flatnonzero(is_listed)
    probs = predict_in_chunks(embedding.features, keys, head.probs)
    probs[~embedding.is_readable[keys]] = np.nan
    return Predictions(
        items=[items[key] for key in keys.tolist()],
        probs=probs,
        classes=fitted.training_labels.classes,
        labels=[labels.get(key) for key in keys.tolist()],
        round=load_label_snapshot(campaign).closed_round_count,
    )
