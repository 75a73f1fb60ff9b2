"""Make a session from Hydra's configuration. It has plain data, absolute paths and typed settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from alframe.app.declarations import path_parameters
from alframe.app.part_paths import expand_paths, expand_recipe
from alframe.app.projects import absolute_user_path, project_folder_name
from alframe.builtins import KINDS, REGISTRIES
from alframe.errors import BadParams
from alframe.loop.cache_folder import find_cache_folder
from alframe.loop.session import Session
from alframe.settings import Settings, configuration_digest
from alframe.settings.fields import from_plain

OPTIONAL_KINDS = ("stopping", "exporter", "tracker", "loss")  # kinds of which there may be none


def session_from(config: DictConfig, cwd: Path, sweep: bool = False, exports: bool = True) -> Session:
    """Return the session of a composed configuration; relative paths start at `cwd`."""
    values = _to_plain_data(config)
    _require_complete(config, values)
    recipes = {kind: expand_recipe(kind, values[kind], cwd) for kind in KINDS}
    values["boxes"]["file"] = expand_paths(values["boxes"]["file"], cwd)
    settings: Settings = from_plain(Settings, values)
    if sweep:  # which is a comparison itself
        settings = settings.without_comparison()
    runs, project = absolute_user_path(values["runs"], cwd), values["project"]
    folder = runs / _default_folder_name(settings, recipes) if project is None else absolute_user_path(project, cwd)
    cache = find_cache_folder(folder, runs)
    read_only = REGISTRIES["task"].get(recipes["task"]["name"]).declares("read_only")
    own_runs = runs if project is None else None
    return Session(settings, recipes, folder, cache, read_only, waits_for_lock=sweep, runs=own_runs, exports=exports)


def _to_plain_data(config: DictConfig) -> dict[str, Any]:
    """Return the configuration as plain data. Raises BadParams for a ``${...}`` without a value."""
    try:
        values: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]  # no list
    except (OmegaConfBaseException, RecursionError) as error:
        key = isinstance(error, OmegaConfBaseException) and error.full_key
        reason = str(error).partition("\n")[0]
        raise BadParams(f"{key or 'A setting'} has no value: {reason}. Write the value itself.") from error
    return values


def _require_complete(config: DictConfig, values: Mapping[str, Any]) -> None:
    for kind in KINDS:
        if values[kind] is None and kind not in OPTIONAL_KINDS:
            raise BadParams(f"{kind}=null: a campaign needs a {kind}. `alframe plugins` lists the choices.")
        if kind not in OPTIONAL_KINDS and "name" not in values[kind]:
            raise BadParams(
                f"{kind}: the YAML file of the chosen {kind} has no line 'name: NAME' with the name of the part. "
                f"Add it, or give {kind}.name=NAME."
            )
    for key in sorted(OmegaConf.missing_keys(config)):
        kind, _, parameter = key.partition(".")
        if kind in KINDS:
            is_path = parameter in path_parameters(kind, str(values[kind].get("name")))
            what = "..." if not is_path else "FILE" if key.endswith("file") else "FOLDER"
            raise BadParams(f"{key} is not given. Add {key}={what}")


def _default_folder_name(settings: Settings, recipes: Mapping[str, Any]) -> str:
    pool = recipes["pool"] or {"name": "pool"}
    paths = {key: str(pool[key]) for key in path_parameters("pool", str(pool["name"])) if pool.get(key)}
    sampler = str((recipes["sampler"] or {}).get("name"))
    source = recipes["label_source"]
    people = not (source and REGISTRIES["label_source"].get(str(source["name"])).declares("answers_now"))
    digest = configuration_digest(settings, recipes)
    return project_folder_name(str(pool["name"]), paths, sampler, settings.seed, digest, people)
