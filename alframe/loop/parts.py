"""The parts of a campaign, each built from its recipe when first asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

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
from alframe.engine.checked_head import checked_head
from alframe.errors import BadParams

SEVERAL = ("exporter", "tracker")  # kinds of which a campaign may have several parts


@dataclass
class Parts:
    """`recipes`: kind -> recipe (a part's name and parameters), or of exporters and trackers name -> recipe."""

    recipes: Mapping[str, Any]
    start_sampler_name: str

    @cached_property
    def backbone(self) -> Backbone:
        return cast(Backbone, self._build("backbone"))

    @cached_property
    def loss(self) -> Loss:
        return cast(Loss, self._build("loss"))

    @cached_property
    def sampler(self) -> Sampler:
        return cast(Sampler, self._build("sampler"))

    @cached_property
    def start_sampler(self) -> Sampler:
        """The sampler that chooses while there is no model."""
        return cast(Sampler, REGISTRIES["sampler"].build({"name": self.start_sampler_name}))

    @cached_property
    def pool(self) -> Pool:
        return cast(Pool, self._build("pool"))

    @cached_property
    def label_source(self) -> LabelSource:
        return cast(LabelSource, self._build("label_source"))

    @cached_property
    def stopping(self) -> Stopping | None:
        return cast(Stopping, self._build("stopping")) if self.recipes.get("stopping") else None

    @cached_property
    def compute(self) -> Compute:
        return cast(Compute, self._build("compute"))

    @cached_property
    def task(self) -> Task:
        return cast(Task, self._build("task"))

    @cached_property
    def exporters(self) -> Sequence[Exporter]:
        return [cast(Exporter, part) for part in self._build_all("exporter")]

    @cached_property
    def trackers(self) -> Sequence[Tracker]:
        return [cast(Tracker, part) for part in self._build_all("tracker")]

    def new_head(self) -> Head:
        """Build a head that is not fitted yet."""
        return checked_head(cast(Head, self._build("head")), self.recipes["head"])

    def name(self, kind: str) -> str:
        """Return the registry name of the part of this kind."""
        return str(self.recipes[kind]["name"])

    def owners(self) -> dict[str, str]:
        """Return the distribution that each part comes from, as "kind:name" -> "distribution version"."""
        owners = {}
        for kind, chosen in self.recipes.items():
            for recipe in (chosen or {}).values() if kind in SEVERAL else [chosen]:
                if recipe:
                    entry = REGISTRIES[kind].get(str(recipe["name"]))
                    owners[f"{kind}:{entry.name}"] = f"{entry.owner} {entry.version}"
        return owners

    def _build(self, kind: str) -> object:
        recipe = self.recipes.get(kind)
        if not recipe or "name" not in recipe:
            raise BadParams(f"No {kind} is chosen. Give one: {kind}=<name>; `alframe plugins` lists them.")
        return REGISTRIES[kind].build(recipe)

    def _build_all(self, kind: str) -> list[object]:
        return [REGISTRIES[kind].build(recipe) for recipe in (self.recipes.get(kind) or {}).values() if recipe]
