"""Write the list of alframe's names that plugins may use: ``python -m tools.public_names``.

A test compares alframe with the file. All listed names must work in all versions 0.1.x, as docs/plugins.md says. Write
the file again when names were added, and when the second number of the version was raised.
"""

from __future__ import annotations

import inspect
import json
from enum import EnumType
from importlib import import_module
from pathlib import Path
from typing import Any

from tools.kit_page import MODULES, public_names

FILE = Path(__file__).parents[1] / "tests" / "architecture" / "public_names.json"
PUBLIC_MODULES = (
    "alframe.contracts",
    "alframe.errors",
    "alframe.testing",
    "alframe.types",
    *(f"alframe.kit.{name}" for name in MODULES),
)
Names = dict[str, list[list[Any]] | None]


def list_public_names() -> Names:
    """Return all public names, with their parameters if they can be called; a method is `module.Class.method`."""
    found: Names = {}
    for path in PUBLIC_MODULES:
        module = import_module(path)
        own = public_names(module) if hasattr(module, "__all__") or "kit" in path else _reexported(vars(module))
        for name in own:
            value = getattr(module, name)
            found[f"{path}.{name}"] = _parameters(value)
            if inspect.isclass(value):
                found |= {f"{path}.{name}.{key}": _parameters(each) for key, each in _list_methods(value).items()}
    return dict(sorted(found.items()))


def _list_methods(part: type) -> dict[str, Any]:
    """Return the public methods of a class by name, including methods inherited from other classes of alframe."""
    ours = [base for base in reversed(part.__mro__) if base.__module__.startswith("alframe.")]
    members = {key: each for base in ours for key, each in vars(base).items()}
    return {key: each for key, each in members.items() if key[0] != "_" and inspect.isfunction(each)}


def find_broken(promised: Names, offered: Names) -> list[str]:
    """Return the differences of the `offered` names that would break code for the `promised` names."""
    broken = []
    for name, parameters in promised.items():
        if name not in offered:
            broken.append(f"{name} is gone")
            continue
        now = offered[name]
        if parameters is None or now is None:
            continue
        if [each[0] for each in parameters] != [each[0] for each in now[: len(parameters)]]:
            broken.append(f"{name} takes {[each[0] for each in now]}, not {[each[0] for each in parameters]}")
            continue
        required = [each[0] for each in now[len(parameters) :] if not each[1]]
        required += [new[0] for old, new in zip(parameters, now, strict=False) if old[1] and not new[1]]
        broken += [f"{name} requires '{each}' now" for each in required]
    return broken


def _reexported(names: dict[str, Any]) -> list[str]:
    return [
        name
        for name, value in names.items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("alframe.")
    ]


def _parameters(value: object) -> list[list[Any]] | None:
    """Return the name of each parameter and whether it has a default; None for an object that cannot be called."""
    # Nobody calls a Protocol, and Python's versions differ in what they say of enumerations.
    if not callable(value) or getattr(value, "_is_protocol", False) or isinstance(value, EnumType):
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        [name, each.default is not each.empty or each.kind in optional]
        for name, each in signature.parameters.items()
        if not name.startswith("_")
    ]


if __name__ == "__main__":
    names = list_public_names()
    lines = [f"{json.dumps(name)}: {json.dumps(parameters)}" for name, parameters in names.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
