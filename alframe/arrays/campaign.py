"""A campaign whose loop the user writes: ask for keys, tell their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alframe import seeding
from alframe.app.part_recipes import default_part_name
from alframe.arrays.asked_batch import AskedBatch
from alframe.arrays.choosing import ArraySelection, build_sampler, choose_rows, find_head_maker, fit_head_to_rows
from alframe.arrays.pool import Keys, RowLabels, make_array_pool
from alframe.contracts import Head, Sampler
from alframe.engine.measuring.evaluate import HELD_OUT_BASIS, evaluate_probs
from alframe.engine.needs import require_needs
from alframe.errors import BadParams, UnmetNeed
from alframe.kit.arrays import as_features, as_labels, as_row_numbers, is_missing, number_classes
from alframe.kit.pool_views import EarlierBatches
from alframe.settings import Settings
from alframe.types import MODEL_NEEDS, Evaluation, Floats, Ints

DEFAULTS = Settings()


class Campaign:
    """A campaign whose loop you write: ``chosen = campaign.ask()``, ``campaign.tell(chosen.keys, labels)``, and so on.

    Until two classes are labelled, `start_sampler` chooses, which needs no model. Then `sampler` chooses, with a head
    that is fitted to all labels so far. The same seed and the same answers give the same choices.

    `features`, `keys`, `candidates`, `sequences`, `per_sequence`, `seed`: as in `alframe.select`.
    `sampler`, `start_sampler`, `head`: a name, or a part from ``alframe.build``; None: the command line's default.
    `classes`: the classes that are known beforehand.
    """

    def __init__(
        self,
        features: Any,
        *,
        sampler: str | Sampler | None = None,
        head: str | Head | None = None,
        start_sampler: str | Sampler | None = None,
        keys: Any = None,
        sequences: Any = None,
        per_sequence: int | None = DEFAULTS.per_sequence,
        candidates: Any = None,
        classes: Sequence[Any] = (),
        seed: int = 0,
    ) -> None:
        self._pool = make_array_pool(features, keys, sequences)
        all_rows = np.arange(len(self._pool))
        self._candidates = all_rows if candidates is None else as_row_numbers(candidates, self._pool.keys, "candidates")
        self._sampler, self._name = build_sampler(sampler or default_part_name("sampler"), seed)
        self._start_sampler, self._start_name = build_sampler(start_sampler or DEFAULTS.start.sampler, seed)
        self._new_head, head_name = find_head_maker(head)
        require_needs(self._sampler, self._name, self._new_head(), head_name)
        if self._start_sampler.needs & MODEL_NEEDS:
            raise UnmetNeed(
                f"start_sampler={self._start_name!r} needs a model, but there is no model before the first labels. "
                f"Choose a sampler that needs no model, such as 'kmeans' or 'random'."
            )
        self._per_sequence, self._given_classes, self._seed = per_sequence, tuple(classes), seed
        self._labels: dict[int, Any] = {}  # by row
        self._pending: dict[int, None] = {}  # rows that were asked for and have no answer
        self._skipped: set[int] = set()
        self._batches: list[AskedBatch] = []
        self._head: Head | None = None

    def ask(self, k: int = DEFAULTS.batch) -> ArraySelection:
        """Choose k rows that have no label and were not chosen before, or all such rows if there are fewer than k.

        Raises BadParams if no such row is left. The message has the keys that still have no answer.
        """
        if k < 1:
            raise BadParams(f"k={k}: must be at least 1.")
        rows = self._rows_left_to_ask()
        if not len(rows):
            waiting = self._pool.keys[list(self._pending)]
            told = f"{len(waiting)} were requested without an answer: {waiting[:3].tolist()}" if len(waiting) else ""
            raise BadParams(f"No row is left to request. {told or 'All have a label.'}")
        labels, number = self._row_labels(), len(self._batches) + 1
        head = self.fit_head() if labels.has_two_classes else None
        sampler, name = (self._sampler, self._name) if head is not None else (self._start_sampler, self._start_name)
        rng = seeding.generator(self._seed, "sampler", number)
        earlier = self._earlier_error_rates()
        chosen = choose_rows(
            sampler, name, self._pool, rows, labels, head, min(k, len(rows)), rng, self._per_sequence, earlier
        )
        self._pending |= dict.fromkeys(chosen.rows.tolist())
        probs = None if head is None else head.probs(self._pool.features[chosen.rows])
        predicted = [] if probs is None else [labels.classes[index] for index in probs.argmax(axis=1)]
        self._batches.append(AskedBatch(chosen.rows, predicted, chosen.chosen_by))
        return chosen

    def tell(self, keys: Any, labels: Any = None) -> None:
        """Store the labels (m,) of these `keys` (m,), or of a mapping from key to label. A later label replaces it.

        None, NaN or "" means that nobody can identify the row: it gets no label, and `ask` does not choose it again.
        """
        if isinstance(keys, Mapping) and labels is None:
            keys, labels = list(keys), list(keys.values())
        rows = as_row_numbers(keys, self._pool.keys, "keys")
        values = as_labels(labels)
        if len(values) != len(rows):
            raise BadParams(f"labels: there are {len(values)} for {len(rows)} keys; give one for each key.")
        missing = is_missing(values)
        number_classes([*self._labels.values(), *values[~missing].tolist()], self._given_classes)  # they go together
        for row, label, is_unknown in zip(rows.tolist(), values.tolist(), missing.tolist(), strict=True):
            self._pending.pop(row, None)
            self._labels.pop(row, None)
            self._skipped.discard(row)
            if is_unknown:
                self._skipped.add(row)
            else:
                self._labels[row] = label
        self._head = None

    @property
    def labels(self) -> dict[Any, Any]:
        """All labels so far, by key."""
        return dict(zip(self._pool.keys[list(self._labels)].tolist(), self._labels.values(), strict=True))

    @property
    def round_count(self) -> int:
        """The number of batches that `ask` has returned."""
        return len(self._batches)

    @property
    def rows_left(self) -> int:
        """The number of rows that `ask` may still choose."""
        return len(self._rows_left_to_ask())

    @property
    def unlabelled_rows(self) -> Ints:
        """The row numbers (n,) of candidates without a label, including the rows that wait for an answer."""
        return np.setdiff1d(self._candidates, list(self._labels))

    def _rows_left_to_ask(self) -> Ints:
        return np.setdiff1d(self._candidates, [*self._labels, *self._pending, *self._skipped])

    @property
    def sampler_name(self) -> str:
        """The name of the sampler."""
        return self._name

    @property
    def pending(self) -> Keys:
        """The keys that `ask` has returned and that have no answer yet."""
        return self._pool.keys[list(self._pending)]

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes, in the order of the columns of `predict_probs`."""
        return self._row_labels().classes

    def fit_head(self) -> Head:
        """Return the head, fitted to all labels so far. Raises UnmetNeed before two classes are labelled."""
        if self._head is None:
            labels = self._row_labels()
            rows, number = self.unlabelled_rows, len(self._batches)
            self._head = fit_head_to_rows(self._new_head(), self._pool, labels, rows, self._seed, number, self._name)
        return self._head

    def predict_probs(self, features: Any = None) -> Floats:
        """Return the probabilities (n, C) of `features` (n, D), or of the pool; the columns are `classes`."""
        x, dim = self._pool.features if features is None else as_features(features), self._pool.features.shape[1]
        if x.shape[1] != dim:
            raise BadParams(
                f"features: a row has {x.shape[1]} numbers, and the rows of the pool have {dim}. Give the numbers that "
                "the same network computes."
            )
        return self.fit_head().probs(x)

    def evaluate(self, features: Any, labels: Any) -> Evaluation:
        """Evaluate the head on rows from which it has not learned: `features` (n, D), `labels` (n,)."""
        probs = self.predict_probs(features)
        truth = as_labels(labels)
        if len(truth) != len(probs):
            raise BadParams(f"labels: there are {len(truth)} for {len(probs)} rows of features; give one for each row.")
        names = tuple(map(str, self.classes))
        return evaluate_probs(probs, names, [str(label) for label in truth.tolist()], HELD_OUT_BASIS)

    def _row_labels(self) -> RowLabels:
        rows = sorted(self._labels)
        y, classes = number_classes([self._labels[row] for row in rows], self._given_classes)
        return RowLabels(np.array(rows, np.int64), y, classes)

    def _earlier_error_rates(self) -> EarlierBatches:
        """Return the head's error rate on each earlier batch that `sampler` chose, as a campaign keeps it."""
        batches = [(number, batch) for number, batch in enumerate(self._batches, 1) if batch.predicted]
        return EarlierBatches(
            [number for number, _ in batches],
            [batch.error_rate(self._labels) for _, batch in batches],
            [batch.chosen_by for _, batch in batches],
        )
