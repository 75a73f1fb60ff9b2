"""The types of the settings, for Hydra and the command line."""

from __future__ import annotations

from dataclasses import make_dataclass
from functools import cache
from types import NoneType
from typing import Any, get_args

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from alframe.builtins import KINDS
from alframe.settings import RootSettings
from alframe.settings.fields import setting_fields

# Each part is an open node: the part's own constructor says which parameters it takes.
SCHEMA = make_dataclass("Schema", [(kind, Any, None) for kind in KINDS], bases=(RootSettings,), frozen=True)
SETTINGS = dict(setting_fields(RootSettings))
_DESCRIPTIONS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


def register() -> None:
    """Register the schema with Hydra; calling it again changes nothing."""
    if "schema.yaml" not in ConfigStore.instance().repo:
        ConfigStore.instance().store(name="schema", node=_whole_schema_node(), provider="alframe")


def require_type(key: str, value: object) -> None:
    """Raise OmegaConf's error if a setting cannot have a value of this type."""
    if not (isinstance(value, str) and "${" in value):  # that is known when the configuration is composed
        OmegaConf.update(_scratch_node(), key, value)


def describe_type_of_setting(key: str) -> str:
    if SETTINGS[key].is_group:
        return f"given by the settings in it: {', '.join(name for name in SETTINGS if name.startswith(f'{key}.'))}"
    members = get_args(SETTINGS[key].type) or (SETTINGS[key].type,)
    described = _DESCRIPTIONS[members[0]]
    return "a list of strings, null in quotes" if ... in members else described + " or null" * (NoneType in members)


@cache
def _scratch_node() -> DictConfig:
    return _whole_schema_node()


def _whole_schema_node() -> DictConfig:
    node: DictConfig = OmegaConf.structured(SCHEMA)
    _make_writable(node)
    return node


def _make_writable(node: DictConfig) -> None:
    """Make nodes of frozen dataclasses writable, so that values can be merged."""
    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _make_writable(child)
