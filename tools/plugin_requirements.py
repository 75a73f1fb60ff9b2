"""Print what the distributions in plugins/ need to be tested, one requirement a line: ``pip install -r`` reads it.

With the word `wheels`, print the wheels that are only downloaded.
"""

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


def test_wheels(folder: Path) -> list[str]:
    """Return the wheels that the tests in `folder` read, without installing them."""
    tool = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    return list(tool.get("alframe", {}).get("test_wheels", []))


if __name__ == "__main__":
    listed = test_wheels if sys.argv[1:] == ["wheels"] else requirements
    sys.stdout.writelines(sorted({f"{each}\n" for folder in plugin_folders() for each in listed(folder)}))
