"""Print the requirements for tests of the distributions in plugins/, one per line, for ``pip install -r``.

With the word `wheels`, print the wheels that are only downloaded. Plugins that declare themselves heavy are left out,
except with the word `all`.
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
    """Return the requirements for tests of the distribution in `folder`, without alframe."""
    project = _described(folder)["project"]
    texts = project.get("dependencies", []) + project.get("optional-dependencies", {}).get("test", [])
    needed = [Requirement(text) for text in texts]
    return [each for each in needed if each.name != "alframe" and (each.marker is None or each.marker.evaluate())]


def test_wheels(folder: Path) -> list[str]:
    """Return the wheels that the tests in `folder` read, without installing them."""
    return list(_described(folder).get("tool", {}).get("alframe", {}).get("test_wheels", []))


def is_heavy(folder: Path) -> bool:
    """Return whether the distribution in `folder` declares itself heavy, so that `make test` does not install it."""
    return bool(_described(folder).get("tool", {}).get("alframe", {}).get("heavy"))


def _described(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


if __name__ == "__main__":
    listed = test_wheels if sys.argv[1:] == ["wheels"] else requirements
    chosen = [folder for folder in plugin_folders() if sys.argv[1:] == ["all"] or not is_heavy(folder)]
    sys.stdout.writelines(sorted({f"{each}\n" for folder in chosen for each in listed(folder)}))
