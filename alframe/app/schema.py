"""Register the types of the configuration's root with Hydra."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from alframe.builtins import KINDS
from alframe.settings import Root

# Each part is an open node: the part's own constructor says which parameters it takes.
SCHEMA = make_dataclass("Schema", [(kind, Any, None) for kind in KINDS], bases=(Root,), frozen=True)


def register() -> None:
    """Register the schema; calling it again changes nothing."""
    node = OmegaConf.structured(SCHEMA)
    _make_writable(node)
    ConfigStore.instance().store(name="schema", node=node, provider="alframe")


def _make_writable(node: DictConfig) -> None:
    """Undo that OmegaConf makes nodes of frozen dataclasses read-only, into which nothing can be merged."""
    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _make_writable(child)
