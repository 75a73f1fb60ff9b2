"""From Hydra's configuration to a session: plain data, absolute paths, typed settings. No config object goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from omegaconf import DictConfig, OmegaConf

from alframe.app.projects import absolute, folder_name, is_path
from alframe.builtins import KINDS, REGISTRIES
from alframe.engine.duplicates.grouping import Duplicates, Measure
from alframe.engine.listing.boxes import Boxes
from alframe.engine.listing.sequences import Sequences
from alframe.errors import BadParams
from alframe.loop.labels import check_rule
from alframe.loop.session import Session
from alframe.loop.settings import Finetune, Settings, identity
from alframe.types import Inference, TrainingPlan


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
    finetune = plain["finetune"]
    settings = Settings(
        seed=plain["seed"],
        batch=plain["batch"],
        per_sequence=plain["per_sequence"],
        propagate=plain["propagate"],
        audit=plain["audit"],
        start_labels=plain["start"]["labels"],
        start_sampler=plain["start"]["sampler"],
        classes=tuple(plain["classes"]),
        enough=plain["enough"],
        reask=plain["reask"],
        conflicts=check_rule(plain["conflicts"]),
        sequences=Sequences(**plain["sequences"]),
        duplicates=Duplicates(**plain["duplicates"]),
        boxes=Boxes(**_absolute(plain["boxes"], "boxes", cwd)),
        holdout=plain["holdout"]["fraction"],
        holdout_group=plain["holdout"]["group"],
        inference=Inference(**plain["inference"]),
        finetune=Finetune(
            start=finetune["start"],
            every=finetune["every"],
            first=TrainingPlan(**finetune["first"]),
            again=TrainingPlan(**finetune["again"]),
        ),
        # A sweep is a comparison itself.
        compare_sampler=None if sweep else plain["compare"]["sampler"],
        compare_seeds=plain["compare"]["seeds"],
    )
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    wrong = {
        "seed": settings.seed < 0 and "a number from 0 up",
        "batch": settings.batch < 1 and "at least 1 image",
        "per_sequence": settings.per_sequence is not None and settings.per_sequence < 1 and "at least 1 image, or null",
        "start.labels": settings.start_labels < 1 and "at least 1 image",
        "enough": not 0 < settings.enough <= 1 and "a part of the batch, above 0 and up to 1",
        "audit": not 0 <= (settings.audit or 0) <= 1 and "a part of the batch, from 0 to 1, or null",
        "reask": settings.reask is not None and settings.reask < 0 and "a number of rounds, or null",
        "duplicates.by": settings.duplicates.by not in (None, *get_args(Measure)) and "hash, embedding, both, or null",
        "duplicates.bits": not 0 <= settings.duplicates.bits <= 8 and "a number of bits, from 0 to 8",
        "duplicates.cosine": not 0 <= settings.duplicates.cosine < 1 and "a distance, from 0 to below 1",
        "holdout.fraction": not 0 <= settings.holdout < 1 and "a part of the images, from 0 to below 1",
        "holdout.group": settings.holdout_group not in ("sequence", "camera") and "sequence or camera",
        "finetune.every": settings.finetune.every < 1 and "at least 1 label",
        "compare.seeds": settings.compare_seeds < 1 and "at least 1",
    }
    for key, expected in wrong.items():
        if expected:
            raise BadParams(f"{key} cannot be that: it takes {expected}.")


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
