"""The parts of a campaign, each built from its recipe at the first use, and their distributions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from alframe.builtins import REGISTRIES
from alframe.contracts import Head, Parts
from alframe.engine.checked_head import CheckedHead
from alframe.errors import BadParams
from alframe.loop.contract_checks import CheckedExporter, FailSafeTracker, require_members

PLURAL_KINDS = {"exporters": "exporter", "trackers": "tracker"}  # kinds of which a campaign may have several parts
PACKAGES = ("alframe", "torch", "timm", "numpy", "scikit-learn", "faiss-cpu", "pillow", "onnxruntime", "openvino")


class LazyParts:
    """The parts. `recipes`: kind -> recipe (name and parameters), or for exporters and trackers name -> recipe."""

    def __init__(self, recipes: Mapping[str, Any], start_sampler: str) -> None:
        self._recipes = {**recipes, "start_sampler": {"name": start_sampler}}

    def __getattr__(self, attribute: str) -> Any:
        if attribute not in Parts.__annotations__:
            raise AttributeError(attribute)
        part = self._build(attribute)
        setattr(self, attribute, part)
        return part

    def _build(self, attribute: str) -> Any:
        if attribute in PLURAL_KINDS:
            kind = PLURAL_KINDS[attribute]
            recipes = [recipe for recipe in (self._recipes.get(kind) or {}).values() if recipe]
            wrap = CheckedExporter if kind == "exporter" else FailSafeTracker
            return [wrap(_build_part(kind, recipe)) for recipe in recipes]
        kind, recipe = attribute.removeprefix("start_"), self._recipes.get(attribute)
        if kind == "stopping" and not recipe:
            return None
        return _build_part(kind, recipe or {})

    def new_head(self) -> Head:
        return CheckedHead(cast(Head, self._build("head")), self._recipes["head"])

    def name_of(self, kind: str) -> str:
        """Return the registry name of the part of this kind."""
        return str(self._recipes[kind]["name"])


def _build_part(kind: str, recipe: Mapping[str, Any]) -> Any:
    """Build the part of this recipe. Raises BrokenPlugin also if it lacks a member of its contract."""
    if "name" not in recipe:
        unnamed = f": {', '.join(recipe)} is set, but its YAML file has no line 'name: NAME'" if recipe else ""
        raise BadParams(f"No {kind} is chosen{unnamed}. Give one: {kind}=<name>; `alframe plugins` lists them.")
    part = REGISTRIES[kind].build(recipe)
    require_members(kind, part)
    return part


def list_part_owners(recipes: Mapping[str, Any]) -> dict[str, str]:
    """Return the distribution of each part, as "kind:name" -> "distribution version"."""
    owners = {}
    for kind, chosen in recipes.items():
        for recipe in (chosen or {}).values() if kind in PLURAL_KINDS.values() else [chosen]:
            if recipe:
                part = REGISTRIES[kind].get(str(recipe["name"]))
                owners[f"{kind}:{part.name}"] = f"{part.owner} {part.version}"
    return owners


@cache
def list_package_versions() -> dict[str, str]:
    """Return the versions of the installed packages that may change a result."""
    versions = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
