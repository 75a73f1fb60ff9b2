"""Make the paths in the parameters of parts absolute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf

from alframe.app.declarations import path_parameters
from alframe.app.projects import absolute_user_path
from alframe.builtins import KINDS


def expand_part_paths(config: DictConfig, cwd: Path) -> None:
    """Make the paths in the recipes of a configuration absolute. References to other settings stay unchanged."""
    for kind in KINDS:
        recipe = OmegaConf.to_container(config[kind]) if isinstance(config[kind], DictConfig) else None
        expanded = expand_recipe(kind, recipe, cwd)
        if expanded != recipe:
            OmegaConf.update(config, kind, expanded)


def expand_recipe(kind: str, recipe: Any, cwd: Path) -> Any:
    """Return a recipe, or recipes by name, with absolute paths in the parameters that the part declares as paths."""
    if not isinstance(recipe, dict):
        return recipe
    if "name" not in recipe:
        return {key: expand_recipe(kind, value, cwd) for key, value in recipe.items()}
    texts = {key for key, value in recipe.items() if isinstance(value, str | list) and key != "name"}
    # A part without texts in its recipe has no paths; it need not be imported for that.
    paths = texts & path_parameters(kind, str(recipe["name"])) if texts else set()
    return {
        key: expand_paths(value, cwd) if key in paths else expand_recipe(kind, value, cwd)
        for key, value in recipe.items()
    }


def expand_paths(value: Any, cwd: Path) -> Any:
    """Return a path, or a list of paths, as absolute paths. Other values, ``???`` and ``${setting}`` stay unchanged."""
    if isinstance(value, list):
        return [expand_paths(element, cwd) for element in value]
    if not isinstance(value, str) or value == MISSING or "${" in value:
        return value
    return str(absolute_user_path(value, cwd))
