"""A session is a campaign as a task may use it; an item's key is its number in the order of listing: 0, 1, 2 ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any, Protocol

from alframe.contracts.parts import Parts
from alframe.settings import Settings
from alframe.types import Floats, Item, Label, Predictions, RoundRecord


class Session(Protocol):
    """The project's `folder`, settings, recipes (kind -> name and parameters of a part), parts, and a `log`."""

    folder: Path
    settings: Settings
    recipes: Mapping[str, Any]
    parts: Parts
    log: Logger

    def items(self) -> Sequence[Item]:
        """Return every item of the project, by key."""

    def labels_by_key(self) -> Mapping[int, Label]:
        """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""

    def history(self) -> Sequence[RoundRecord]:
        """Return the record of each round, oldest first."""

    def features(self) -> Floats:
        """Return the embeddings (N, D) by key, zeros where an image cannot be read; not for a `read_only` task."""

    def final_predictions(self) -> Predictions:
        """Predict the pool by a model fitted on all labels; not for a `read_only` task. Raises LabelError."""
