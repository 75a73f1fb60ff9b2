"""The parts of a campaign, as tasks and phases read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class Parts(Protocol):
    """The parts of a campaign. Each is built when it is first read. `start_sampler` chooses the first images."""

    backbone: Backbone
    loss: Loss
    sampler: Sampler
    start_sampler: Sampler
    pool: Pool
    label_source: LabelSource
    stopping: Stopping | None
    compute: Compute
    exporters: Sequence[Exporter]
    trackers: Sequence[Tracker]

    def new_head(self) -> Head:
        """Build a head that is not fitted yet."""

    def name_of(self, kind: str) -> str:
        """Return the registry name of the part of this kind."""
