"""alframe from Python: the same configuration and the same sessions as on the command line."""

from __future__ import annotations

from pathlib import Path

from hydra import compose as hydra_compose
from hydra import initialize_config_dir, initialize_config_module
from omegaconf import DictConfig

from alframe.app import schema, search_path
from alframe.app.conf_root import conf_root
from alframe.app.overrides import complete
from alframe.app.session_from import session_from
from alframe.loop.session import Session


def compose(*overrides: str) -> DictConfig:
    """The configuration that these words on the command line would give: ``compose("sampler=kcenter", "seed=1")``."""
    search_path.register()
    schema.register()
    root = conf_root()
    start = (
        initialize_config_module(root.removeprefix("pkg://"), version_base="1.3")
        if root.startswith("pkg://")
        else initialize_config_dir(root, version_base="1.3")
    )
    with start:
        return hydra_compose("config", overrides=complete(overrides))


def open_session(*overrides: str) -> Session:
    """A session, to be used as a context manager: ``with open_session("project=season") as session: ...``."""
    return session_from(compose(*overrides), Path.cwd())
