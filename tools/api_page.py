"""Write the lists of names in docs/api.md, for readers without the site: ``python -m tools.api_page``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np

import alframe
from tools.kit_page import CONSTANTS, summary

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
START, END = "<!-- written by tools/api_page.py -->\n", "<!-- until here -->\n"
MODULES = ("alframe", "alframe.contracts", "alframe.types", "alframe.errors", "alframe.testing")


def page() -> str:
    """Return docs/api.md as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    tables = "\n".join(_table(module) for module in MODULES)
    return f"{before}{START}\n{tables}\n{END}{rest.partition(END)[2]}"


def names_of(module: str) -> list[str]:
    """Return the public names of a module in alphabetical order, ignoring case."""
    found = import_module(module)
    names = getattr(found, "__all__", None) or vars(found)
    own = [
        name
        for name in names
        if not name.startswith("_") and not inspect.ismodule(getattr(found, name)) and _is_ours(getattr(found, name))
    ]
    return sorted(own, key=str.casefold)


def _is_ours(value: object) -> bool:
    """Return whether a value is a class or function of alframe, or a constant."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return (getattr(value, "__module__", None) or "").startswith(alframe.__name__)
    return type(value).__module__ != "__future__"


def _table(module: str) -> str:
    rows = "".join(_rows(module))
    return f"**`{module}`**\n\n| name | what it is |\n|---|---|\n{rows}"


def _rows(module: str) -> Iterator[str]:
    found = import_module(module)
    for name in names_of(module):
        yield f"| `{name}` | {_description(name, getattr(found, name))} |\n"


def _description(name: str, value: Any) -> str:
    if get_origin(value) is np.ndarray:  # its text is another one in each version of NumPy
        element = get_args(get_args(value)[1])[0].__name__.rstrip("_")
        return f"the type of NumPy arrays of {element}"
    if get_origin(value) is not None:
        return CONSTANTS[name]
    if inspect.isclass(value) or inspect.isroutine(value):
        return summary(value)
    return f"{CONSTANTS[name]} `{value!r}`" if isinstance(value, str | int) else CONSTANTS[name]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
