"""Write the tables of names in docs/kit.md from the docstrings of the kit: ``python -m tools.kit_page``.

The introduction and the examples are written by hand.
"""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

import alframe.kit

PAGE = Path(__file__).parents[1] / "docs" / "kit.md"
MODULES = tuple(module.name for module in pkgutil.iter_modules(alframe.kit.__path__))


def public_names(module: ModuleType) -> list[str]:
    """Return the public names of a module: those in `__all__`, else the functions and classes that it defines."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and inspect.getmodule(value) is module
        and (inspect.isclass(value) or callable(value))
    ]


def page() -> str:
    """Return docs/kit.md as it should be: the introduction, and a section for each module with its old example."""
    introduction, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    examples = {section.partition("\n")[0]: section.partition("\n```")[2] for section in sections}
    return "\n## ".join([introduction, *(_section(name, examples.get(name, "")) for name in MODULES)])


def _section(name: str, example: str) -> str:
    module = import_module(f"alframe.kit.{name}")
    names = [(name, getattr(module, name)) for name in public_names(module)]
    rows = [f"| `{name}{_parameters(value)}` | {_summary(value)} |\n" for name, value in names]
    code = f"\n```{example.rstrip()}\n" if example else ""
    return f"{name}\n\n{_summary(module)}\n\n| name | what it does |\n|---|---|\n{''.join(rows)}{code}"


def _parameters(value: object) -> str:
    """Return "(x, k=3)" for a function or class, "" for a constant or a protocol."""
    if not callable(value) or getattr(value, "_is_protocol", False):
        return ""
    shown = []
    for name, parameter in inspect.signature(value).parameters.items():
        default = "..." if callable(parameter.default) else repr(parameter.default)
        if not name.startswith("_"):
            shown.append(name if parameter.default is parameter.empty else f"{name}={default}")
    return f"({', '.join(shown)})"


def _summary(value: object) -> str:
    """Return the first sentence of a docstring on one line, or the value of a constant."""
    if not (inspect.ismodule(value) or inspect.isclass(value) or callable(value)):
        return f"`{value!r}`"
    first = (inspect.getdoc(value) or "").partition("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
