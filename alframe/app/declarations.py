"""Read the annotations of a part's constructor: which parameters are strings, paths and lists."""

from __future__ import annotations

import builtins
import inspect
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from alframe.app.grammar import ValueParsing
from alframe.builtins import REGISTRIES
from alframe.errors import AlframeError

# For annotations whose names are imported for type checkers alone.
_WELL_KNOWN = {type_.__name__: type_ for type_ in (Path, os.PathLike, Sequence, Iterable, Collection)}


@cache
def declared_types(kind: str, name: str) -> Mapping[str, ValueParsing]:
    """Return the annotations of the part with this registry name, by parameter. Other parameters are left out.

    The result is empty if the part cannot be imported. The error is reported when the part is built.
    """
    try:
        factory = REGISTRIES[kind].get(name).load()
        parameters = inspect.signature(factory).parameters
    except (AlframeError, TypeError, ValueError):
        return {}
    constructor = getattr(factory, "__init__", factory) if inspect.isclass(factory) else factory
    names = _AnnotationNames(getattr(constructor, "__globals__", {}))
    annotations = {name: _resolve_annotation(parameter.annotation, names) for name, parameter in parameters.items()}
    unknown = (Any, object, None, inspect.Parameter.empty)
    return {name: value_parsing(annotation) for name, annotation in annotations.items() if annotation not in unknown}


def path_parameters(kind: str, name: str) -> set[str]:
    """Return the parameters that the part with this registry name declares to be paths."""
    return {parameter for parameter, declared in declared_types(kind, name).items() if declared.is_path}


def value_parsing(annotation: Any) -> ValueParsing:
    """Return the rule for parsing values of a parameter with this annotation."""
    members = set(_types_in(annotation))
    lists = {member for member in members if _is_list(member)}
    elements = {part for member in lists for inner in get_args(member) for part in _types_in(inner) if part is not ...}
    scalars = {*elements, *(members - lists)}
    paths = {member for member in scalars if _is_subclass(member, os.PathLike)}
    is_text = bool(scalars) and all(member is str or member in paths for member in scalars)
    return ValueParsing(is_text, bool(paths), bool(lists) and members == lists, bool(lists))


class _AnnotationNames(dict[str, Any]):
    """The names of a module, with stand-ins for names that exist only for type checkers."""

    def __missing__(self, name: str) -> Any:
        return _WELL_KNOWN.get(name, getattr(builtins, name, object))


def _resolve_annotation(annotation: Any, names: Mapping[str, Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, {}, names)
    except Exception:
        return None


def _types_in(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union without None, or the single type."""
    if get_origin(annotation) is Annotated:
        yield from _types_in(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _types_in(member)
    elif annotation not in (None, NoneType):
        yield annotation


def _is_list(annotation: Any) -> bool:
    is_other = _is_subclass(annotation, str | bytes | Mapping) or _is_subclass(annotation, os.PathLike)
    return not is_other and _is_subclass(annotation, Iterable)


def _is_subclass(annotation: Any, of: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, of)
