"""Find the configuration folders of alframe and of the plugins, without importing Hydra or a plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from alframe.errors import AlframeError

ENTRY_POINT_GROUP = "alframe.conf"
SOURCE_TREE = Path(__file__).resolve().parents[2]


def conf_root() -> str:
    """Return the folder or package of the default configuration, as a path for Hydra."""
    if find_spec("alframe.conf") is not None:
        return "pkg://alframe.conf"
    # Two files prove that this is alframe's own tree and not some folder that happens to be called conf.
    if (SOURCE_TREE / "pyproject.toml").is_file() and (SOURCE_TREE / "conf" / "config.yaml").is_file():
        return (SOURCE_TREE / "conf").as_posix()
    raise AlframeError(f"alframe's configuration is missing below {SOURCE_TREE}. Reinstall alframe with pip.")


def conf_folder() -> Path:
    """Return the folder of the default configuration as a path that can be listed."""
    spec = find_spec("alframe.conf")
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(conf_root())


@dataclass(frozen=True, slots=True)
class PluginConfigFolder:
    """One plugin's configuration folder; `folder` is None when it does not exist."""

    owner: str
    module: str
    folder: Path | None


def plugin_config_folders() -> list[PluginConfigFolder]:
    """Return the configuration folder of every distribution that has one, in order of their names."""
    configs = []
    owned = [(point.dist.name if point.dist else "?", point) for point in entry_points(group=ENTRY_POINT_GROUP)]
    for owner, point in sorted(owned, key=lambda pair: (pair[0], pair[1].name)):
        top, _, rest = point.value.partition(".")
        spec = find_spec(top)  # of a top-level package: finds it without running it
        locations = list(spec.submodule_search_locations or []) if spec else []
        folders = [folder for location in locations if (folder := Path(location, *rest.split("."))).is_dir()]
        configs.append(PluginConfigFolder(owner, point.value, folders[0] if folders else None))
    return configs


def config_folders() -> list[Path]:
    """Return alframe's configuration folder and those of the plugins, in the order in which Hydra searches them."""
    return [conf_folder(), *(conf.folder for conf in plugin_config_folders() if conf.folder is not None)]


def config_files(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """Return the YAML file of every name in this group of the `folders`. Of two equal names, the first counts."""
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted((folder / group).glob("*.yaml")):
            files.setdefault(file.stem, file)
    return files
