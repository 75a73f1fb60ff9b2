"""The choices of a run as flat names and values, and the choices that vary between runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from alframe.builtins import KINDS, REGISTRIES
from alframe.settings import Settings, setting_values, settings_as_stored
from alframe.settings.fields import format_for_command_line

# They do not decide a run's result; its seed is no choice, and its own comparison is other runs.
_WITHOUT_EFFECT = ("task", "tracker", "exporter", "compute")
_DATA_CHOICES = ("pool", "boxes", "holdout")  # what is labelled and measured on: runs of other data are not compared


def run_choices(config: Mapping[str, Any]) -> dict[str, object]:
    """Return the parts, parameters and settings of a stored configuration by full name, without the seed.

    Parts come first, as "sampler" and "sampler.rows". A setting that the configuration lacks has its default.
    """
    choices: dict[str, object] = {}
    for kind in KINDS:
        if kind not in _WITHOUT_EFFECT:
            recipe = config["recipes"].get(kind)
            choices |= dict(_flat_choices(kind, REGISTRIES[kind].current_recipe(recipe) if recipe else None))
    settings = {**setting_values(settings_as_stored(Settings())), **setting_values(config["settings"])}
    return choices | {key: value for key, value in settings.items() if key != "seed" and not key.startswith("compare.")}


def _flat_choices(key: str, value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, Mapping):
        yield key, value
        return
    if "name" in value:
        yield key, value["name"]
    for name, inner in value.items():
        if name != "name":
            yield from _flat_choices(f"{key}.{name}", inner)


def varying_choices(runs: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the names of the choices that differ between runs.

    A parameter of a part is left out if all runs with this part have the same value.
    """
    names = dict.fromkeys(name for choices in runs for name in choices)
    varying = [name for name in names if len({_typed_text(choices.get(name)) for choices in runs}) > 1]
    return [name for name in varying if not any(_is_implied(name, part, runs) for part in varying)]


def _is_implied(name: str, part: str, runs: Sequence[Mapping[str, object]]) -> bool:
    if not name.startswith(f"{part}."):
        return False
    pairs = {(_typed_text(choices.get(part)), _typed_text(choices.get(name))) for choices in runs}
    return len(pairs) == len({chosen for chosen, _ in pairs})


def is_data_choice(name: str) -> bool:
    """Return whether a choice decides the pool and the test images."""
    return name.partition(".")[0] in _DATA_CHOICES or name == "label_source.truth"


def choice_names(choices: Sequence[Mapping[str, object]], bare_choice: str = "") -> list[str]:
    """Return a name for each of these choices, such as "margin head=laplace". `bare_choice` has only its value.

    A path is shown by its last part, unless two different paths would have the same name.
    """
    short = [_choice_name(values, bare_choice, short_value) for values in choices]
    long = [_choice_name(values, bare_choice, _typed_text) for values in choices]
    whole_names: dict[str, set[str]] = {}
    for name, whole in zip(short, long, strict=True):
        whole_names.setdefault(name, set()).add(whole)
    return [name if len(whole_names[name]) == 1 else whole for name, whole in zip(short, long, strict=True)]


def _choice_name(values: Mapping[str, object], bare_choice: str, text: Callable[[object], str]) -> str:
    words = [
        text(value) if name == bare_choice else f"{name}={text(value)}"
        for name, value in sorted(values.items(), key=lambda pair: pair[0] != bare_choice)
    ]
    return " ".join(words)


def short_value(value: object) -> str:
    """Return a value as it is typed, or the last part of a path."""
    text = format_for_command_line(value)
    return PurePath(text).name or text if "/" in text or "\\" in text else text


def _typed_text(value: object) -> str:
    return format_for_command_line(list(value) if isinstance(value, tuple) else value)
