"""Build a part by its name, typed by its kind."""

from __future__ import annotations

from typing import Any, Literal, overload

from alframe.app.part_recipes import resolve_recipe
from alframe.builtins import REGISTRIES
from alframe.contracts import (
    Backbone,
    Compute,
    Exporter,
    Head,
    LabelSource,
    Loss,
    Pool,
    Sampler,
    Stopping,
    Task,
    Tracker,
)
from alframe.errors import BadParams


@overload
def build(kind: Literal["backbone"], name: str, **parameters: Any) -> Backbone: ...
@overload
def build(kind: Literal["loss"], name: str, **parameters: Any) -> Loss: ...
@overload
def build(kind: Literal["head"], name: str, **parameters: Any) -> Head: ...
@overload
def build(kind: Literal["sampler"], name: str, **parameters: Any) -> Sampler: ...
@overload
def build(kind: Literal["pool"], name: str, **parameters: Any) -> Pool: ...
@overload
def build(kind: Literal["label_source"], name: str, **parameters: Any) -> LabelSource: ...
@overload
def build(kind: Literal["exporter"], name: str, **parameters: Any) -> Exporter: ...
@overload
def build(kind: Literal["tracker"], name: str, **parameters: Any) -> Tracker: ...
@overload
def build(kind: Literal["stopping"], name: str, **parameters: Any) -> Stopping: ...
@overload
def build(kind: Literal["compute"], name: str, **parameters: Any) -> Compute: ...
@overload
def build(kind: Literal["task"], name: str, **parameters: Any) -> Task: ...
def build(kind: str, name: str, **parameters: Any) -> object:
    """Build a part by name, like `kind=name` on the command line: ``build("sampler", "probcover", radius=0.4)``.

    Raises UnknownComponent if no part has this name, and BadParams if the part has no such parameter.
    """
    if kind not in REGISTRIES:
        raise BadParams(f"build: there is no kind {kind!r}. Known: {', '.join(REGISTRIES)}.")
    recipe = resolve_recipe(kind, name)
    return REGISTRIES[kind].build({**recipe, **parameters})
