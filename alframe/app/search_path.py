"""The folders in which Hydra searches YAML files: first alframe's folder, then the folders of plugins."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from alframe.app.conf_folders import plugin_config_folders


class PluginSearchPath(SearchPathPlugin):
    """The folders of plugins, after alframe's folder, so that a plugin cannot replace a built-in part."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for conf in plugin_config_folders():
            if conf.folder is not None:
                search_path.append(provider=conf.owner, path=f"file://{conf.folder.as_posix()}")


def register() -> None:
    """Register the search path with Hydra; calling it again changes nothing."""
    if PluginSearchPath not in Plugins.instance().discover(SearchPathPlugin):
        Plugins.instance().register(PluginSearchPath)
