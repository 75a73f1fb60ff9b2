"""Recipes of parts by name, with the values of their YAML files. This module does not import Hydra."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from alframe.app.conf_folders import conf_folder, config_files, config_folders
from alframe.builtins import current_name
from alframe.errors import BadParams


@cache
def main_config() -> Mapping[str, Any]:
    """Return the content of conf/config.yaml."""
    return dict(yaml.safe_load((conf_folder() / "config.yaml").read_text(encoding="utf-8")))


def default_part_name(kind: str) -> str:
    """Return the name of the default part of this kind."""
    choices = [entry for entry in main_config()["defaults"] if isinstance(entry, dict)]
    return str(next(entry[kind] for entry in choices if kind in entry))


def load_recipe(file: Path, choice: str) -> dict[str, Any]:
    """Return the content of the YAML file of a `choice` such as "head=mlp". Raises BadParams if it is unreadable."""
    try:
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise BadParams(f"{choice}: {file} cannot be read: {error}. Correct it, or choose another.") from None


def inherit_recipe(kind: str, name: str, files: Mapping[str, Path]) -> dict[str, Any]:
    """Return the values of the YAML file of this name, with the values that it inherits from other `files`."""
    content = load_recipe(files[name], f"{kind}={name}")
    recipe: dict[str, Any] = {}
    for other in content.pop("defaults", []):
        if isinstance(other, str) and other != name and other in files:
            recipe |= inherit_recipe(kind, other, files)
    return recipe | content


def resolve_recipe(kind: str, name: str, seed: int = 0) -> dict[str, Any]:
    """Return the recipe that `kind=name` chooses on the command line. A part without a YAML file has its defaults.

    A reference such as ${runs} is replaced by the default of this setting, and ${seed} by the `seed`.
    """
    files = config_files(kind, config_folders())
    name = current_name(kind, name)
    recipe = inherit_recipe(kind, name, files) if name in files else {"name": name}
    settings = {**main_config(), "seed": seed}

    def resolve(value: Any) -> Any:
        if not isinstance(value, str) or "${" not in value:
            return value
        whole = re.fullmatch(r"\$\{(\w+)\}", value)
        return settings[whole[1]] if whole else re.sub(r"\$\{(\w+)\}", lambda each: str(settings[each[1]]), value)

    return {key: resolve(value) for key, value in recipe.items()}
