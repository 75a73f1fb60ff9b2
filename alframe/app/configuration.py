"""The type of the result of `compose`, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import DictConfig

if TYPE_CHECKING:
    from alframe.settings import RootSettings

    class Configuration(RootSettings, DictConfig):
        """A configuration: the settings by name, and each part with its parameters."""

        pool: DictConfig
        backbone: DictConfig
        loss: DictConfig
        head: DictConfig
        sampler: DictConfig
        label_source: DictConfig
        stopping: DictConfig | None
        exporter: DictConfig
        tracker: DictConfig
        compute: DictConfig
        task: DictConfig

else:
    Configuration = DictConfig
