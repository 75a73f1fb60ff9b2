"""The stored form of the settings of a project, and the digest in its name. Both must never change."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from alframe.settings.campaign import Settings
from alframe.settings.groups import Inference, Sequences

# Settings that are stored under a name of their own, as they were before they had a group.
_FLATTENED = {
    "start": {"labels": "start_labels", "sampler": "start_sampler"},
    "holdout": {"fraction": "holdout", "group": "holdout_group"},
    "compare": {"sampler": "compare_sampler", "seeds": "compare_seeds"},
}

# Parameters that parts did not have when the first projects were made, with the values that change nothing.
_ADDED_PARAMETERS: dict[tuple[str, Any], dict[str, Any]] = {
    ("head", "linear"): {"class_weight": None, "logit_adjustment": 0.0},
    ("sampler", "adaptive"): {"objective": "accuracy"},
    ("sampler", "uherding"): {"objective": "accuracy"},
}


def settings_as_stored(settings: Settings) -> dict[str, Any]:
    """Return the settings as plain data, in the form in which every version has stored them."""
    stored: dict[str, Any] = {}
    for name, value in dataclasses.asdict(settings).items():
        renamed = _FLATTENED.get(name)
        stored |= {name: value} if renamed is None else {renamed[key]: inner for key, inner in value.items()}
    if settings.boxes.file is None and settings.boxes.threshold is None:
        stored["boxes"]["threshold"] = 0.2  # the default of version 0.1, when no file said which is typical
    # Projects from before there were these settings keep their form.
    if settings.finetune.unseen is None:
        del stored["finetune"]["unseen"]
    if settings.sequences.longest == Sequences().longest:
        del stored["sequences"]["longest"]
    if settings.sequences.clock_offsets is None:
        del stored["sequences"]["clock_offsets"]
    return stored


def setting_values(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return each value by full name, such as "start.labels": 20. The settings may also have their stored form."""
    names = {flat: f"{group}.{key}" for group, keys in _FLATTENED.items() for key, flat in keys.items()}
    values: dict[str, Any] = {}
    for key, value in stored.items():
        inner = setting_values(value) if isinstance(value, Mapping) else {}
        values |= {f"{key}.{name}": each for name, each in inner.items()} or {names.get(key, key): value}
    return values


def non_default_settings(settings: Settings) -> dict[str, object]:
    """Return the full name and the value of each setting that differs from its default."""
    defaults, values = (setting_values(dataclasses.asdict(each)) for each in (Settings(), settings))
    return {name: value for name, value in values.items() if value != defaults[name]}


def configuration_digest(settings: Settings, recipes: Mapping[str, Any]) -> str:
    """Return a digest of everything that decides the result, without settings for folders, speed and output."""
    decisive = {
        kind: without_added_parameters(kind, recipe)
        for kind, recipe in recipes.items()
        if kind not in ("compute", "tracker", "task")
    }
    stored = settings_as_stored(settings)
    # Projects from before these settings existed keep their folders.
    if settings.duplicates.by is None:
        del stored["duplicates"]
    if settings.inference == Inference():
        del stored["inference"]
    text = json.dumps([stored, to_plain(decisive)], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def without_added_parameters(kind: str, recipe: Any) -> Any:
    """Return the recipe of a part without newer parameters at their defaults, so that projects keep their folders."""
    added = _ADDED_PARAMETERS.get((kind, recipe.get("name")), {}) if isinstance(recipe, Mapping) else {}
    return {key: value for key, value in recipe.items() if key not in added or value != added[key]} if added else recipe


def to_plain(value: Any) -> Any:
    """Return mappings and sequences as dicts and lists, at all levels."""
    if isinstance(value, Mapping):
        return {key: to_plain(part) for key, part in value.items()}
    return list(map(to_plain, value)) if isinstance(value, list | tuple) else value
