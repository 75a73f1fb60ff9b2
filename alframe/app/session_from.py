"""From Hydra's configuration to a session: plain data, absolute paths, typed settings. No config object goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from alframe.app.declarations import path_parameters
from alframe.app.projects import absolute, folder_name
from alframe.builtins import KINDS, REGISTRIES
from alframe.errors import BadParams
from alframe.loop.cache_folder import find_cache_folder
from alframe.loop.session import Session
from alframe.settings import Settings, configuration_digest
from alframe.settings.fields import from_plain

OPTIONAL = ("stopping", "exporter", "tracker", "loss")  # kinds of which there may be none


def session_from(config: DictConfig, cwd: Path, sweep: bool = False, exports: bool = True) -> Session:
    """Return the session of a composed configuration; relative paths start at `cwd`."""
    values = _resolve(config)
    _check_complete(config, values)
    recipes = {kind: _with_absolute_paths(kind, values[kind], cwd) for kind in KINDS}
    values["boxes"]["file"] = None if values["boxes"]["file"] is None else str(absolute(values["boxes"]["file"], cwd))
    settings: Settings = from_plain(Settings, values)
    if sweep:  # which is a comparison itself
        settings = settings.without_comparison()
    runs = absolute(values["runs"], cwd)
    folder = runs / _folder_name(settings, recipes) if values["project"] is None else absolute(values["project"], cwd)
    cache = find_cache_folder(folder, runs)
    read_only = REGISTRIES["task"].get(recipes["task"]["name"]).declares("read_only")
    own_runs = runs if values["project"] is None else None
    return Session(settings, recipes, folder, cache, read_only, waits_for_lock=sweep, runs=own_runs, exports=exports)


def _resolve(config: DictConfig) -> dict[str, Any]:
    """Return the configuration as plain data. Raises BadParams for a ``${...}`` that stands for nothing."""
    try:
        values: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    except (OmegaConfBaseException, RecursionError) as error:
        key = isinstance(error, OmegaConfBaseException) and error.full_key
        reason = str(error).partition("\n")[0]
        raise BadParams(f"{key or 'A setting'} has no value: {reason}. Write the value itself.") from error
    return values


def _check_complete(config: DictConfig, values: Mapping[str, Any]) -> None:
    for kind in KINDS:
        if values[kind] is None and kind not in OPTIONAL:
            raise BadParams(f"{kind}=null: a campaign needs a {kind}. `alframe plugins` lists the choices.")
    for key in sorted(OmegaConf.missing_keys(config)):
        kind, _, parameter = key.partition(".")
        if kind in KINDS:
            is_path = parameter in path_parameters(kind, str(values[kind].get("name")))
            what = "..." if not is_path else "FILE" if key.endswith("file") else "FOLDER"
            raise BadParams(f"{key} is not given. Add {key}={what}")


def _folder_name(settings: Settings, recipes: Mapping[str, Any]) -> str:
    pool = recipes["pool"] or {"name": "pool"}
    paths = {key: str(pool[key]) for key in path_parameters("pool", str(pool["name"])) if pool.get(key)}
    sampler = str((recipes["sampler"] or {}).get("name"))
    source = recipes["label_source"]
    people = not (source and REGISTRIES["label_source"].get(str(source["name"])).declares("answers_now"))
    digest = configuration_digest(settings, recipes)
    return folder_name(str(pool["name"]), paths, sampler, settings.seed, digest, people)


def _with_absolute_paths(kind: str, recipe: Any, cwd: Path) -> Any:
    """Return a recipe, or recipes by name, with the parameters that the part declares as paths made absolute."""
    if not isinstance(recipe, dict):
        return recipe
    if "name" not in recipe:
        return {key: _with_absolute_paths(kind, value, cwd) for key, value in recipe.items()}
    texts = {key for key, value in recipe.items() if isinstance(value, str | list) and key != "name"}
    # A part without texts in its recipe has no paths; it need not be imported for that.
    paths = texts & path_parameters(kind, str(recipe["name"])) if texts else set()
    return {
        key: _absolute(value, cwd) if key in paths else _with_absolute_paths(kind, value, cwd)
        for key, value in recipe.items()
    }


def _absolute(value: Any, cwd: Path) -> Any:
    if isinstance(value, list):
        return [_absolute(element, cwd) for element in value]
    return str(absolute(value, cwd)) if isinstance(value, str) else value
