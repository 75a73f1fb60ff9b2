"""Where the default configuration lies: inside an installed wheel, or beside the package in a source tree."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from alframe.errors import AlframeError

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
    """Return the same as a folder that can be listed."""
    spec = find_spec("alframe.conf")
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(conf_root())
