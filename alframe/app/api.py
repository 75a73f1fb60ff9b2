"""alframe from Python: the same configuration and the same sessions as on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from alframe.app import schema, search_path
from alframe.app.command import to_hydra_arguments
from alframe.app.conf_folders import conf_folder
from alframe.app.configuration import Configuration
from alframe.app.grammar import quote_list
from alframe.app.overrides import CONFIG_DIR, SEARCH_PATH, flag_value, split_flags
from alframe.app.part_paths import expand_part_paths
from alframe.app.projects import absolute_user_path
from alframe.app.session_from import session_from
from alframe.errors import BadParams
from alframe.loop.session import Session


def compose(*overrides: str) -> Configuration:
    """Return the configuration for these arguments of the command line: ``compose("sampler=kcenter", "seed=1")``.

    The paths of parts are absolute. ``--config-dir=FOLDER`` works as on the command line; other flags raise BadParams.
    """
    if strange := [word for word in overrides if not isinstance(word, str)]:
        raise BadParams(f"{strange[0]!r} must be a string: compose('seed=1', 'batch=8').")
    search_path.register()
    schema.register()
    flags, words = split_flags(to_hydra_arguments(overrides))
    own_folder = flag_value(flags, *CONFIG_DIR)
    if own_folder is not None:
        words = [f"{SEARCH_PATH}={quote_list([f'file://{absolute_user_path(own_folder).as_posix()}'])}", *words]
    if strange := [flag for flag in flags if flag != own_folder and flag.partition("=")[0] not in CONFIG_DIR]:
        raise BadParams(f"{strange[0]} works on the command line only; Python takes just --config-dir=FOLDER.")
    with initialize_config_dir(conf_folder().as_posix(), version_base="1.3"):
        config = hydra_compose("config", overrides=words)
    expand_part_paths(config, Path.cwd())
    return cast(Configuration, config)


def open_session(*overrides: str) -> Session:
    """Return a session (the parts and settings of an open project), for use in a `with` statement.

    Example: ``with open_session("project=season", "batch=8") as session: ...``.
    """
    return session_from(compose(*overrides), Path.cwd())
