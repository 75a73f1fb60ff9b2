"""Write the tables of names in docs/kit.md from the docstrings of the kit: ``python -m tools.kit_page``.

The introduction and the examples are written by hand.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import alframe.kit

PAGE = Path(__file__).parents[1] / "docs" / "kit.md"
CONSTANTS = {
    "CROSS_VALIDATION_BASIS": "The `basis` of an evaluation by cross-validation:",
    "DEFAULT_DRAWS": "The number of samples of the probabilities for a sampler that sets no number:",
    "FORMULA_STARTS": "The characters with which a formula can begin in a spreadsheet program:",
    "MODEL_NEEDS": "The needs that require a fitted model.",
    "POOL_FACTS": "The needs for times, cameras and ids, and the same needs for the labelled images.",
    "Predict": "The type of a fitted head as a function: from embeddings (r, D) to class probabilities (r, C).",
    "SEPARATORS": "The characters that can separate the columns of a table:",
    "TEMPORARY_CHARACTERS": "The name of a temporary file is longer than the final name by this number of characters:",
    "UNLABELLED": "The `population` of an estimate for the images without a label:",
    "UNSURE": 'The class name of an answer that means "cannot tell":',
    "UTC_OFFSET": "The key in `Item.meta` for the offset from UTC in seconds:",
    "WHOLE_POOL": "The `population` of an estimate for all images:",
    "WORKBOOK_SUFFIXES": "The suffixes of spreadsheet files:",
}
MODULES = tuple(module.name for module in pkgutil.iter_modules(alframe.kit.__path__))


def public_names(module: ModuleType) -> list[str]:
    """Return the public names of a module: the names in `__all__`, else its own functions and classes."""
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
    """Return the new text of docs/kit.md: the introduction, and a section for each module with its present example."""
    introduction, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    examples = {section.partition("\n")[0]: section.partition("\n```")[2] for section in sections}
    return "\n## ".join([introduction, *(_section(name, examples.get(name, "")) for name in MODULES)])


def _section(name: str, example: str) -> str:
    module = import_module(f"alframe.kit.{name}")
    rows = [row for name in public_names(module) for row in _rows(name, getattr(module, name))]
    code = f"\n```{example.rstrip()}\n" if example else ""
    return f"{name}\n\n{summary(module)}\n\n| name | what it does |\n|---|---|\n{''.join(rows)}{code}"


def _rows(name: str, value: Any) -> Iterator[str]:
    """Yield the row of a function, constant or class. A class also has a row for each public method and property."""
    text = summary(value, is_whole=inspect.isclass(value))
    meaning = f"{CONSTANTS[name]} " if text.startswith("`") else ""
    yield f"| `{name}{_signature(value)}` | {meaning}{text} |\n"
    if inspect.isclass(value):
        for method, member in vars(value).items():
            if not method.startswith("_") and isinstance(member, FunctionType | property) and inspect.getdoc(member):
                signature = _signature(member) if isinstance(member, FunctionType) else ""
                yield f"| `{name}.{method}{signature}` | {summary(member, is_whole=True)} |\n"


def _signature(value: Any) -> str:
    """Return "(x: Floats, k: int = 3) -> Floats" for a function, "(x: Floats)" for a class, "" for anything else."""
    if not callable(value) or getattr(value, "_is_protocol", False):
        return ""
    signature = inspect.signature(value)
    shown = [_parameter(each) for name, each in signature.parameters.items() if not name.startswith("_")]
    gives = (
        "" if inspect.isclass(value) or signature.return_annotation is signature.empty else signature.return_annotation
    )
    return f"({', '.join(filter(None, shown))})" + (f" -> {_type_text(gives)}" if gives else "")


def _parameter(parameter: inspect.Parameter) -> str:
    if parameter.name == "self":
        return ""
    text = parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_type_text(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return text
    is_made = callable(parameter.default) or repr(parameter.default) == "<factory>"
    return f"{text} = {'...' if is_made else repr(parameter.default)}".replace("|", "\\|")


def _type_text(annotation: Any) -> str:
    """Return the annotation as text, with "or" in place of a bar, because a bar would end the cell of the table."""
    annotation = getattr(annotation, "__forward_arg__", annotation)  # of a NamedTuple
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(numpy|np|npt|typing|alframe\.[\w.]+)\.(?=\w)", "", text).replace(" | ", " or ")


def summary(value: object, is_whole: bool = False) -> str:
    """Return the first paragraph of a docstring on one line, or the whole docstring, or the value of a constant."""
    if not (inspect.ismodule(value) or inspect.isclass(value) or callable(value) or isinstance(value, property)):
        return f"`{value!r}`".replace("|", "\\|")
    text = inspect.getdoc(value) or ""
    first = text.partition("\n>>>" if is_whole else "\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
