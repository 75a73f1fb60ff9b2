"""The output of `alframe plugins`. The command works even if the configuration is broken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement

from alframe.app.conf_folders import conf_folder, config_files, config_folders, plugin_config_folders
from alframe.app.parts import GROUPS
from alframe.builtins import REGISTRIES, alframe_version
from alframe.errors import AlframeError
from alframe.registry import RegisteredPart, Registry

SLOW_IMPORT = 1.0  # seconds


def describe_plugins() -> str:
    """Return one line for each part and experiment, with its owner and state, and the problems of plugins."""
    lines = []
    for kind, registry in REGISTRIES.items():
        lines.append(kind)
        lines += [f"  {line}" for line in _describe_registered_parts(kind, registry)]
    lines += ["experiment", *(f"  {name:24} {owner}" for name, owner in sorted(_experiment_owners().items()))]
    return "\n".join([*lines, *_describe_problems()])


def _experiment_owners() -> dict[str, str]:
    """Return the owner of each experiment: alframe's own come before those of plugins."""
    owners: dict[str, str] = {}
    for conf in plugin_config_folders():
        if conf.folder is not None:
            owners |= dict.fromkeys(config_files("experiment", [conf.folder]), conf.owner)
    return owners | dict.fromkeys(config_files("experiment", [conf_folder()]), "alframe")


def _describe_registered_parts(kind: str, registry: Registry) -> Iterator[str]:
    configured = config_files(kind, config_folders())
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in configured.values()]
    for name, entries in sorted(registry.parts().items()):
        builtin = name in registry.builtins
        for entry in entries:
            by_owner = f"choose with {kind}.name={entry.owner}:{name}"
            state = "ok" if len(entries) == 1 or entry.owner == "alframe" else f"DUPLICATE: {by_owner}"
            state = f"has the name of a built-in part: {by_owner}" if builtin and entry.owner != "alframe" else state
            yield f"{name:24} {entry.owner} {entry.version:12} {_import_problem(entry) or state}"
        if name not in configured and not any(f"name: {name}\n" in text for text in texts):
            yield f"{'':24} no YAML file in a conf/{kind} folder: it cannot be chosen as {kind}={name}"
    if others := sorted(set(configured) - set(registry.parts())):
        yield f"ready-made: {', '.join(others)}"


def _import_problem(entry: RegisteredPart) -> str:
    started = time.perf_counter()
    try:
        entry.load()
    except AlframeError as error:
        return f"BROKEN: {error}"
    seconds = time.perf_counter() - started
    if requirement := _unmet_alframe_requirement(entry.owner):
        return f"made for another version: it requires {requirement}, and this is alframe {alframe_version()}"
    # alframe's own parts come first in each kind, so torch and its like are imported before a plugin is.
    return f"ok, but slow to import: {seconds:.1f} s" if seconds > SLOW_IMPORT and entry.owner != "alframe" else ""


def _unmet_alframe_requirement(owner: str) -> str | None:
    """Return the versions of alframe that a distribution requires, if the installed version is not one of them."""
    try:
        lines = requires(owner) or []
    except PackageNotFoundError:
        return None
    ours = (line for line in map(Requirement, lines) if line.name == "alframe")
    applying = (line for line in ours if line.marker is None or line.marker.evaluate())
    unmet = (line for line in applying if not line.specifier.contains(alframe_version(), prereleases=True))
    return next(map(str, unmet), None)


def _describe_problems() -> Iterator[str]:
    seen = {(group, name): "alframe" for group in GROUPS for name in config_files(group, [conf_folder()])}
    for conf in plugin_config_folders():
        if conf.folder is None:
            yield f"{conf.owner}: its configuration folder '{conf.module}' does not exist; its parts cannot be chosen."
            continue
        for file in sorted(conf.folder.glob("*/*.yaml")):
            key = (file.parent.name, file.stem)
            if key in seen:
                yield f"{conf.owner}: conf/{key[0]}/{key[1]}.yaml is shadowed by the file of {seen[key]}."
            seen.setdefault(key, conf.owner)
