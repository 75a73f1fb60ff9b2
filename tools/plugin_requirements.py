"""Print what the distributions in plugins/ need to be tested, one requirement a line: ``pip install -r`` reads it.

With the word `wheels`, print the wheels that are only downloaded. Plugins that call themselves heavy are left out,
unless the word is `all`.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PLUGINS = Path(__file__).parents[1] / "plugins"


def plugin_folders() -> list[Path]:
    """Return the folder of each distribution."""
    return sorted(file.parent for file in PLUGINS.glob("*/pyproject.toml"))


def requirements(folder: Path) -> list[Requirement]:
    """Return what the distribution in `folder` needs to be tested, besides alframe."""
    project = _described(folder)["project"]
    texts = project.get("dependencies", []) + project.get("optional-dependencies", {}).get("test", [])
    needed = [Requirement(text) for text in texts]
    return [each for each in needed if each.name != "alframe" and (each.marker is None or each.marker.evaluate())]


def test_wheels(folder: Path) -> list[str]:
    """Return the wheels that the tests in `folder` read, without installing them."""
    return list(_described(folder).get("tool", {}).get("alframe", {}).get("test_wheels", []))


def is_heavy(folder: Path) -> bool:
    """Return whether the distribution in `folder` says that `make test` should not install what it needs."""
    return bool(_described(folder).get("tool", {}).get("alframe", {}).get("heavy"))


def _described(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    listed = test_wheels if sys.argv[1:] == ["wheels"] else requirements
    chosen = [folder for folder in plugin_folders() if sys.argv[1:] == ["all"] or not is_heavy(folder)]
    sys.stdout.writelines(sorted({f"{each}\n" for folder in chosen for each in listed(folder)}))
