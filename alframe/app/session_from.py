"""From Hydra's configuration to a session: plain data, absolute paths, typed settings. No config object goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from alframe.app.projects import absolute, folder_name, is_path
from alframe.builtins import KINDS, REGISTRIES
from alframe.errors import BadParams
from alframe.loop.session import Session
from alframe.settings import Settings, identity
from alframe.settings.fields import from_plain


def session_from(config: DictConfig, cwd: Path, sweep: bool = False) -> Session:
    """The session of a composed configuration; paths in it are meant from `cwd`."""
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    plain.pop("hydra", None)
    _check_complete(config)
    recipes = {kind: _absolute(plain.get(kind), kind, cwd) for kind in KINDS}
    settings = _settings(plain, cwd, sweep)
    people = not _answers_now(recipes["label_source"])
    runs = absolute(plain["runs"], cwd)
    if plain["project"] is not None:
        folder = absolute(plain["project"], cwd)
    else:
        sampler = str((recipes["sampler"] or {}).get("name"))
        name = folder_name(
            recipes["pool"] or {"name": "pool"}, sampler, settings.seed, identity(settings, recipes), people
        )
        folder = runs / name
    # Campaigns side by side share what they have embedded; a project elsewhere keeps its own.
    shared = folder.parent / "cache"
    ours = folder.parent == runs or (shared / "contents.sqlite").is_file()
    cache = shared if ours else folder / "cache"
    read_only = REGISTRIES["task"].get(recipes["task"]["name"]).declares("read_only")
    return Session(settings, recipes, folder, cache, read_only)


def _check_complete(config: DictConfig) -> None:
    for key in sorted(OmegaConf.missing_keys(config)):
        if key.partition(".")[0] in KINDS:
            what = "FILE" if key.endswith("file") else "FOLDER" if is_path(key) else "..."
            raise BadParams(f"{key} is not given. Add {key}={what}")


def _settings(plain: Mapping[str, Any], cwd: Path, sweep: bool) -> Settings:
    values = {**plain, "boxes": _absolute(plain["boxes"], "boxes", cwd)}
    settings: Settings = from_plain(Settings, values)
    # A sweep is a comparison itself.
    return settings.without_comparison() if sweep else settings


def _answers_now(recipe: Mapping[str, Any] | None) -> bool:
    if not recipe:
        return False
    return REGISTRIES["label_source"].get(str(recipe["name"])).declares("answers_now")


def _absolute(value: Any, key: str, cwd: Path) -> Any:
    if isinstance(value, dict):
        return {name: _absolute(one, f"{key}.{name}", cwd) for name, one in value.items()}
    if isinstance(value, list):
        return [_absolute(one, key, cwd) for one in value]
    return str(absolute(value, cwd)) if isinstance(value, str) and is_path(key) else value
