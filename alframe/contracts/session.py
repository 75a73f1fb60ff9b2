"""A session is a campaign as a task may use it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from alframe.contracts.backbone import Backbone
from alframe.contracts.compute import Compute
from alframe.contracts.exporter import Exporter
from alframe.contracts.head import Head
from alframe.contracts.label_source import LabelSource
from alframe.contracts.loss import Loss
from alframe.contracts.pool import Pool
from alframe.contracts.sampler import Sampler
from alframe.contracts.stopping import Stopping
from alframe.contracts.tracker import Tracker
from alframe.settings import Settings
from alframe.types import Floats, Item, Label, Predictions, RoundRecord


class Parts(Protocol):
    """The chosen parts of a campaign, each built when it is first read."""

    @property
    def backbone(self) -> Backbone: ...
    @property
    def loss(self) -> Loss: ...
    @property
    def sampler(self) -> Sampler: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def label_source(self) -> LabelSource: ...
    @property
    def stopping(self) -> Stopping | None: ...
    @property
    def compute(self) -> Compute: ...
    @property
    def exporters(self) -> Sequence[Exporter]: ...
    @property
    def trackers(self) -> Sequence[Tracker]: ...

    def new_head(self) -> Head:
        """Build a head that is not fitted yet."""
        ...

    def name(self, kind: str) -> str:
        """Return the registry name of the part of this kind."""
        ...


class Session(Protocol):
    """Items are known by their key: 0, 1, 2 ... in the order in which they were first seen."""

    @property
    def folder(self) -> Path:
        """The project's folder; a task keeps its own files in a folder of its own below."""
        ...

    @property
    def read_only(self) -> bool: ...

    @property
    def settings(self) -> Settings:
        """All settings that are not a part's own, as in `conf/config.yaml`."""
        ...

    @property
    def recipes(self) -> Mapping[str, Any]:
        """Kind -> name and parameters of the chosen part; of exporters and trackers, name -> these."""
        ...

    @property
    def parts(self) -> Parts: ...

    @property
    def log(self) -> logging.Logger:
        """Where a task says what it does; what it found goes into its Outcome."""
        ...

    def items(self) -> Sequence[Item]:
        """Return every item of the project, by key."""
        ...

    def item_labels(self) -> Mapping[int, Label]:
        """Return the label of each item that has one, by key; with `propagate`, labels of their sequences too."""
        ...

    def history(self) -> Sequence[RoundRecord]:
        """Return what was measured, round by round."""
        ...

    def features(self) -> Floats:
        """Return the embeddings (N, D) of all items by key, zeros where an image cannot be read.

        Images without one are embedded first, so a task that calls it is not `read_only`.
        """
        ...

    def predictions(self) -> Predictions:
        """Predict every readable image of the pool by a model that is fitted on all labels.

        Raises LabelError if these are of fewer than two classes. A task that calls it is not `read_only`.
        """
        ...
