"""Protect Hydra's settings, which can run any code, from a project that comes from another person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.hydra import Hydra
from omegaconf import OmegaConf

from alframe.app import schema, search_path
from alframe.app.conf_folders import conf_folder, plugin_config_folders
from alframe.errors import StoreError

# What differs between any two commands, and calls nothing.
_DIFFERS_BY_COMMAND = ("overrides", "runtime", "searchpath", "job.override_dirname")
# A flag, a setting of Hydra's, or an experiment, which is a YAML file that may set anything.
_MAY_SET_MODE = re.compile(r"-|[+~]*(hydra|experiment)\b")


@contextmanager
def composing_once(words: Sequence[str]) -> Iterator[None]:
    """Keep Hydra from composing the configuration of a command twice.

    Hydra first composes it to read `hydra.mode`, and then again for the run. The first time is needed only if a word of
    the command may set `hydra.mode`.
    """
    read_mode = Hydra.get_mode
    if not any(map(_MAY_SET_MODE.match, words)) and not plugin_config_folders():  # a plugin's file may set anything
        Hydra.get_mode = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = read_mode  # type: ignore[method-assign]


def require_hydra_unchanged(words: Sequence[str], own_words: Sequence[str], source: str) -> None:
    """Raise StoreError if overrides, or the folders that they name, change Hydra's settings.

    `words` are all overrides of a command. `own_words` are the user's overrides about Hydra. `source` is the origin of
    the other words. This function composes the configuration, which runs no code of callbacks and launchers.
    """
    search_path.register()
    schema.register()
    ours, theirs = _hydra_settings(own_words), _hydra_settings(words)
    changed = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
    if changed:
        raise StoreError(
            f"{source} changes hydra.{', hydra.'.join(changed)[:200]}. A project may contain parts, but no settings "
            f"of Hydra, because these could run any program. Remove them from the YAML files in that folder. If the "
            "folder is your own, give it with --config-dir=FOLDER."
        )


def _hydra_settings(words: Sequence[str]) -> dict[str, Any]:
    with initialize_config_dir(conf_folder().as_posix(), version_base="1.3"):
        config = compose("config", overrides=list(words), return_hydra_config=True)
    settings: dict[str, Any] = OmegaConf.to_container(config.hydra, resolve=False)  # type: ignore[assignment]  # no list
    for key in _DIFFERS_BY_COMMAND:
        group, _, name = key.rpartition(".")
        (settings[group] if group else settings).pop(name, None)
    # What a sweep varies, of an experiment's file, starts nothing, unless it is a setting of Hydra's.
    if not any(re.search(r"(^|[+~@/])hydra\b", key) for key in settings["sweeper"].get("params") or {}):
        settings["sweeper"].pop("params", None)
    return settings
