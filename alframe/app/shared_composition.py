"""The configurations of a sweep's jobs, composed once for all jobs that choose the same parts.

Hydra composes each job's configuration from about twenty YAML files, twice: to check it, and to run it. Most jobs of a
sweep differ from others only in values, such as the seed, which are set after the files are composed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from alframe.app.schema import SETTINGS
from alframe.builtins import KINDS

MAX_CACHED_BASES = 64  # configurations kept, of about half a megabyte each


class SharedComposition:
    """Stands in for `ConfigLoaderImpl.load_sweep_config`, and gives the same configurations."""

    def __init__(self, loader: ConfigLoaderImpl) -> None:
        self._loader = loader
        self._bases: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, master_config: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        overrides = OverridesParser.create().parse_overrides(list(sweep_overrides))
        values = [override for override in overrides if _sets_a_value(override)]
        words = tuple(str(override.input_line) for override in overrides if override not in values)
        if words not in self._bases:
            if len(self._bases) >= MAX_CACHED_BASES:
                self._bases.pop(next(iter(self._bases)))
            self._bases[words] = ConfigLoaderImpl.load_sweep_config(self._loader, master_config, list(words))
        config = copy.deepcopy(self._bases[words])
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        tasks = [override for override in overrides if not override.is_hydra_override()]
        hydra = config.hydra
        hydra.overrides.task = [override.input_line for override in tasks]
        dirname = hydra.job.config.override_dirname
        hydra.job.override_dirname = get_overrides_dirname(
            tasks, kv_sep=dirname.kv_sep, item_sep=dirname.item_sep, exclude_keys=dirname.exclude_keys
        )
        OmegaConf.copy_cache(from_config=master_config, to_config=config)  # the time in the name of the sweep's folder
        return config

    def __getstate__(self) -> dict[str, Any]:
        return {"_loader": self._loader, "_bases": {}}  # another process composes its own


def _sets_a_value(override: Override) -> bool:
    """Return whether the override sets a setting or a parameter, so that the same files are composed without it."""
    key = override.key_or_group
    return override.package is None and (key in SETTINGS or ("." in key and key.partition(".")[0] in KINDS))


def share_composition() -> None:
    """Let the jobs of the sweep that begins now share what is composed."""
    loader = GlobalHydra.instance().config_loader()
    loader.load_sweep_config = SharedComposition(loader)  # type: ignore[method-assign, arg-type]  # no hook
