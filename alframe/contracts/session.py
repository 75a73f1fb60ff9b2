"""The contract of sessions: the campaign, as tasks use it. The key of an item is its number in the list of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any, Protocol

from alframe.contracts.parts import Parts
from alframe.settings import Settings
from alframe.types import Floats, Item, Label, Predictions, RequestedBatch, RoundRecord


class Session(Protocol):
    """An open project. `recipes` has the name and the parameters of each part, by kind."""

    folder: Path
    settings: Settings
    recipes: Mapping[str, Any]
    parts: Parts
    log: Logger

    def items(self) -> Sequence[Item]:
        """Return every item of the project, by key."""

    def labels_by_key(self) -> Mapping[int, Label]:
        """Return the label of each labelled item, by key. With `propagate`, these include propagated labels."""

    def history(self) -> Sequence[RoundRecord]:
        """Return the record of each round, oldest first."""

    def batches(self) -> Sequence[RequestedBatch]:
        """Return the images that each round requested, oldest round first, with their scores and predictions."""

    def features(self) -> Floats:
        """Return the embeddings (N, D) by key, zeros for unreadable images. A `read_only` task must not call it."""

    def final_predictions(self) -> Predictions:
        """Predict the pool by a model fitted to all labels. A `read_only` task must not call it. Raises LabelError."""
