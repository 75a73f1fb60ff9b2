"""Print what the distributions in plugins/ need to be tested, one requirement a line: ``pip install -r`` reads it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PLUGINS = Path(__file__).parents[1] / "plugins"


def plugin_folders() -> list[Path]:
    """Return the folder of each distribution."""
    return sorted(file.parent for file in PLUGINS.glob("*/pyproject.toml"))


def requirements(folder: Path) -> list[Requirement]:
    """Return what the distribution in `folder` needs to be tested, besides alframe."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = project.get("dependencies", []) + project.get("optional-dependencies", {}).get("test", [])
    needed = [Requirement(text) for text in texts]
    return [each for each in needed if each.name != "alframe" and (each.marker is None or each.marker.evaluate())]


if __name__ == "__main__":
    sys.stdout.writelines(sorted({f"{each}\n" for folder in plugin_folders() for each in requirements(folder)}))
