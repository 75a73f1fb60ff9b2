"""The work of `alframe plugins --check`: load, build and compose each part as a campaign does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import OmegaConf

from alframe.app.api import compose
from alframe.app.conf_folders import config_files, config_folders
from alframe.builtins import REGISTRIES
from alframe.errors import AlframeError, UnknownComponent
from alframe.loop.contract_checks import require_members
from alframe.loop.parts import PLURAL_KINDS
from alframe.registry import RegisteredPart, unknown_name_message


def check_parts_named(names: Sequence[str]) -> tuple[str, bool]:
    """Check the parts of these names, or of all plugins without names. Return a line for each, and whether all passed.

    A name is the name of a part of any kind, or of a distribution. Raises UnknownComponent for another name.
    """
    every = [
        (kind, part) for kind, registry in REGISTRIES.items() for parts in registry.parts().values() for part in parts
    ]
    chosen = [
        (kind, part) for kind, part in every if (part.owner != "alframe" if not names else _is_named(part, names))
    ]
    known = {part.name for _, part in every} | {part.owner for _, part in every}
    for name in names:
        if not any(_is_named(part, [name]) for _, part in every):
            raise UnknownComponent(unknown_name_message("part or distribution", name, sorted(known)))
    lines, passed = [], True
    for kind, part in chosen:
        faults = list(find_faults(kind, part))
        passed = passed and not faults
        state = "ok" if not faults else "; ".join(faults)
        if state == "ok" and part.owner != "alframe" and part.name in REGISTRIES[kind].builtins:
            state += f", and has the name of a built-in part: choose with {kind}.name={part.owner}:{part.name}"
        lines.append(f"{kind} {part.name} ({part.owner} {part.version}): {state}")
    return "\n".join(lines or ["No plugin is installed."]), passed


def _is_named(part: RegisteredPart, names: Sequence[str]) -> bool:
    return part.name in names or part.owner in names


def find_faults(kind: str, part: RegisteredPart) -> Iterator[str]:
    """Yield the faults of a part: it cannot be imported, composed or built, or does not fulfil its contract."""
    rivals = {each.owner for each in REGISTRIES[kind].parts()[part.name]} - {part.owner, "alframe"}
    if rivals and part.name not in REGISTRIES[kind].builtins:  # the name chooses neither of them
        choice = f"{kind}.name={part.owner}:{part.name}"
        yield f"DUPLICATE: {', '.join(sorted(rivals))} has this name too: choose with {choice}, or rename one"
    try:
        factory = part.load()
    except AlframeError as error:
        yield f"BROKEN: {error}"
        return
    file = config_files(kind, config_folders()).get(part.name)
    if file is None:
        yield f"conf/{kind}/{part.name}.yaml is missing: it cannot be chosen as {kind}={part.name}"
        return
    try:
        written = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    except Exception as error:  # whatever a YAML file may hold
        yield f"{file} cannot be read: {type(error).__name__}: {' '.join(str(error).split())}"
        return
    if not isinstance(written, dict) or written.get("name") not in (part.name, f"{part.owner}:{part.name}"):
        yield f"{file} lacks the line 'name: {part.name}'"
        return
    accepted = inspect.signature(factory).parameters
    unknown = [key for key in written if key != "name" and key not in accepted]
    if unknown and not any(each.kind is each.VAR_KEYWORD for each in accepted.values()):
        yield f"{file} has {', '.join(map(str, unknown))}, which the constructor does not accept"
        return
    try:
        # A task that changes a project is refused without one; with a pool, it could begin one.
        config = compose(f"{kind}={part.name}", *(["pool=folder"] if kind == "task" else []))
        chosen: Any = OmegaConf.to_container(config[kind], resolve=True, throw_on_missing=False)
        recipe = chosen[part.name] if kind in PLURAL_KINDS.values() else chosen
        if "???" in recipe.values():
            return  # what only a user knows, such as the pool's folder
        require_members(kind, REGISTRIES[kind].build({**recipe, "name": f"{part.owner}:{part.name}"}))
    except AlframeError as error:
        yield f"{' '.join(str(error).split())} ({file})"
    except Exception as error:  # of a file that Hydra cannot compose
        yield f"{file} cannot be composed: {type(error).__name__}: {' '.join(str(error).split())}"
