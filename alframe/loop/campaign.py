"""A campaign: the settings, parts and project that the phases of a round use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from alframe.contracts import LabelSource, Parts, SyntheticPool
from alframe.engine.listing.clocks import find_doubtful_sequences
from alframe.kit.pool_views import EarlierBatches
from alframe.loop.labels import DecidedLabels, decide_labels, find_standing_labels, propagate_within_sequences
from alframe.loop.parts import LazyParts
from alframe.loop.project import Project
from alframe.settings import Settings, settings_as_stored
from alframe.settings.stored import to_plain
from alframe.store.events import BatchChosenBy, LabelsAskedAgain, Predicted
from alframe.store.ledger import Ledger
from alframe.store.records import StoredLabel
from alframe.types import Ints, Item, ItemColumns

AUDIT_FRACTION = 0.1  # of each batch, where people label and no other is set


@dataclass
class Campaign:
    """A context manager that holds the project's lock, unless it is read-only.

    `recipes`: kind -> recipe, or for exporters and trackers name -> recipe. `network_seed`: the seed of random weights
    if it is not the campaign's own seed, so that several campaigns can share an embedding. `waits_for_lock`: whether it
    waits while another process has the lock, instead of raising an error.
    """

    settings: Settings
    recipes: Mapping[str, Any]
    folder: Path
    cache_folder: Path
    read_only: bool = False
    network_seed: int | None = None
    waits_for_lock: bool = False
    parts: Parts = field(init=False)
    project: Project = field(init=False)
    earlier_sources: dict[str, LabelSource] = field(default_factory=dict, init=False)  # of earlier rounds, by name
    _decided: tuple[tuple[int, Collection[int]], DecidedLabels] | None = field(default=None, init=False)
    _doubtful_sequences: tuple[Sequence[Item], Collection[str]] | None = field(default=None, init=False)  # of items

    def __post_init__(self) -> None:
        self.parts = cast(Parts, LazyParts(self.recipes, self.settings.start.sampler))
        self.project = Project(self.folder, self.cache_folder, self.read_only, self.waits_for_lock)

    @property
    def ledger(self) -> Ledger:
        return self.project.ledger

    def settings_and_recipes(self) -> dict[str, Any]:
        """Return settings and recipes as plain data, for the ledger."""
        return {"settings": settings_as_stored(self.settings), "recipes": to_plain(self.recipes)}

    def decided_labels(self) -> DecidedLabels:
        """Return all labels after the rule `conflicts`. They are computed again only if labels were added."""
        rechecks = self.recheck_rounds()
        version = self.ledger.last_label_number(), rechecks
        if self._decided is None or self._decided[0] != version:
            self._decided = version, decide_labels(self.standing_labels(), self.settings.conflicts, rechecks)
        return self._decided[1]

    def standing_labels(self) -> list[StoredLabel]:
        """Return the valid labels of every source for every item, by item, the latest at the end."""
        return find_standing_labels(self.ledger.stored_labels(), self.recheck_rounds())

    def recheck_rounds(self) -> frozenset[int]:
        """Return the numbers of the rounds that asked about labelled images again."""
        return frozenset(number for number, _ in self.ledger.events_of(LabelsAskedAgain))

    def labels_with_propagated(self, items: Sequence[Item]) -> list[StoredLabel]:
        """Return the labels for training by key: labels that count and, with `propagate`, labels of their sequences."""
        labels = self.decided_labels()
        if not self.settings.propagate:
            return labels.counted
        columns = ItemColumns.of(items)
        if self._doubtful_sequences is None or self._doubtful_sequences[0] is not items:
            self._doubtful_sequences = items, find_doubtful_sequences(columns, self.settings.sequences.longest).keys()
        propagated = propagate_within_sequences(labels, columns, self._doubtful_sequences[1])
        return sorted([*labels.counted, *propagated], key=lambda label: label.item)

    @property
    def audit_fraction(self) -> float:
        """The fraction of each batch that is drawn at random. In a simulation it is 0, unless it is set."""
        if self.settings.audit is not None:
            return self.settings.audit
        return 0.0 if self.parts.label_source.answers_now else AUDIT_FRACTION

    @property
    def uses_pool_labels(self) -> bool:
        """Whether the pool's own labels count from the start: nothing is simulated, and no label is synthetic."""
        pool = self.parts.pool
        return not self.parts.label_source.answers_now and not (isinstance(pool, SyntheticPool) and pool.synthetic)

    def audit_keys(self) -> Ints:
        """Return the keys of all images that were drawn at random, answered or not."""
        return np.array([key for stored in self.ledger.stored_rounds() for key in stored.audit_keys], np.int64)

    def unlabelled_audit_keys(self) -> list[int]:
        """Return the audit images of closed rounds without a label. Without them, the audit would be too optimistic."""
        keys = {key for stored in self.ledger.stored_rounds() if stored.closed for key in stored.audit_keys}
        return sorted(keys - {label.item for label in self.decided_labels().counted})

    def earlier_batches(self) -> EarlierBatches:
        """Return the model's error rate on each closed batch of this campaign's sampler, and the part that chose it.

        The rate is for the labelled images without the audit, or 0 if there are none. After the rate was used to choose
        a batch, it stays the same.
        """
        class_names = {label.item: label.class_name for label in self.decided_labels().counted}
        predicted, events = dict(self.ledger.events_of(Predicted)), dict(self.ledger.events_of(BatchChosenBy))
        known_rates = {r: rate for e in events.values() for r, rate in zip(e.rounds, e.error_rates, strict=True)}
        rates: dict[int, float] = {}
        for stored in self.ledger.stored_rounds():
            if stored.closed and stored.number in predicted and stored.sampler == self.parts.name_of("sampler"):
                pairs = zip(stored.keys, predicted[stored.number].classes, strict=True)
                answered = [pair for pair in pairs if pair[0] in class_names and pair[0] not in stored.audit_keys]
                is_wrong = [class_names[key] != prediction for key, prediction in answered]
                rates[stored.number] = known_rates.get(stored.number, float(np.mean(is_wrong)) if is_wrong else 0.0)
        chosen_by = [events[number].sampler if number in events else "" for number in rates]
        return EarlierBatches([*rates], [*rates.values()], chosen_by)

    def __enter__(self) -> Self:
        self.project.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self.project.close()
