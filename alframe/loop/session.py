"""One run's parts, settings and stores, typed and made when first asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import filelock
import numpy as np

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
from alframe.errors import BadParams, StoreError
from alframe.loop.labels import Labels, propagated, settle
from alframe.loop.settings import Recipe
from alframe.settings import Settings, identity, stored_form
from alframe.settings.stored import to_plain
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache
from alframe.store.ledger import Ledger
from alframe.store.records import StoredLabel, StoredRound
from alframe.types import UNSURE, Floats, Ints, Item, Request, Suggestion

AUDIT = 0.1  # of each batch, where people label and nothing else is said


@dataclass
class Session:
    """Everything a task works with; a context manager that holds the project's lock (unless read-only)."""

    settings: Settings
    recipes: Mapping[str, Any]  # kind -> recipe, or for exporters and trackers name -> recipe
    folder: Path
    cache: Path
    read_only: bool = False
    network_seed: int | None = None  # of random weights, where it is not the campaign's seed: to share an embedding
    _lock: filelock.BaseFileLock | None = field(default=None, init=False)
    _sources: dict[str, LabelSource] = field(default_factory=dict, init=False)

    def __enter__(self) -> Session:
        if not self.read_only:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(self.folder / ".lock")
            try:
                self._lock.acquire(timeout=0)
            except filelock.Timeout:
                raise StoreError(
                    f"Another alframe is at work in {self.folder}. Wait for it, or stop it; two at once could "
                    f"ask for the same images twice."
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("ledger", "contents"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        if self._lock is not None:
            self._lock.release()

    def variant(self, sampler: Recipe, seed: int, below: Path) -> Session:
        """The same campaign with another sampler and seed, on the same features, in a folder of its own `below`."""
        settings = dataclasses.replace(self.settings.without_comparison(), seed=seed)
        recipes = {**self.recipes, "sampler": sampler, "tracker": {}, "exporter": {}}
        # A colon, as in dist:name, cannot be in a file name on Windows.
        name = f"{str(sampler['name']).replace(':', '-')}-seed{seed}-{identity(settings, recipes)[:8]}"
        return Session(settings, recipes, below / name, self.cache, network_seed=self.settings.seed)

    # Stores

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger.open(self.folder, self.read_only)

    @cached_property
    def contents(self) -> FileCache:
        return FileCache(self.cache / "contents.sqlite")

    def features(self, fingerprint: str) -> FeatureStore:
        return FeatureStore(self.cache / "features" / fingerprint)

    @property
    def done_file(self) -> Path:
        """Is there when the campaign has ended, with what it had to say."""
        return self.folder / "done.json"

    @property
    def model_folder(self) -> Path:
        """Where the model is exported to."""
        return self.folder / "export" / "model"

    @property
    def label_folder(self) -> Path:
        """Where people find what they are asked to label."""
        return self.folder / "to_label"

    def labels(self) -> Labels:
        """What people and the pool have said, settled by the rule `conflicts`."""
        return settle(self.ledger.labels(), self.settings.conflicts)

    def known_labels(self, items: Sequence[Item], labels: Labels | None = None) -> list[StoredLabel]:
        """What counts, by key: of what was said and, if that is wanted, of what follows for the rest of a sequence."""
        labels = labels or self.labels()
        if not self.settings.propagate:
            return labels.counted
        return sorted([*labels.counted, *propagated(labels, items)], key=lambda label: label.item)

    def source_name(self, asked: StoredRound) -> str:
        """The registry name of the label source a round was asked with."""
        return str(asked.source.get("name", self.name("label_source")))

    def source_of(self, asked: StoredRound) -> LabelSource:
        """The label source a round was asked with: where its answers are, also when another is chosen since.

        Raises AlframeError if that one is not installed any more.
        """
        name = self.source_name(asked)
        if name == self.name("label_source"):
            return self.label_source
        if name not in self._sources:
            self._sources[name] = cast(LabelSource, REGISTRIES["label_source"].build(asked.source))
        return self._sources[name]

    def request(self, asked: StoredRound, items: Sequence[Item]) -> Request:
        """A stored round as its label source sees it; `items` by key."""
        # Only what was known before it was asked: else the first answers' typos would make the right names unknown, and
        # an answer that was taken once would be a slip when it is read again.
        before = {name for name, first in self.ledger.classes().items() if first < asked.number} - {UNSURE}
        predicted = self.ledger.events("predicted", asked.number)
        guess = predicted[0][1] if predicted else {"classes": [], "confidence": []}
        return Request(
            round=asked.number,
            items=tuple(items[key] for key in asked.keys),
            classes=tuple(sorted({*self.settings.classes, *before})),
            folder=self.label_folder,
            suggestions=tuple(map(Suggestion, guess["classes"], guess["confidence"])),
        )

    def audited(self) -> Ints:
        """Keys of all images that were drawn at random, answered or not."""
        return np.array([key for one in self.ledger.rounds() for key in one.audit], np.int64)

    def batch_errors(self) -> Floats:
        """(r,) for each answered batch that a model helped to choose, the part of it on which that model was wrong."""
        said = {label.item: label.class_name for label in self.labels().counted}
        guesses = dict(self.ledger.events("predicted"))
        wrong = []
        for one in self.ledger.rounds():
            if one.answered and one.number in guesses:
                pairs = zip(one.keys, guesses[one.number]["classes"], strict=True)
                missed = [said[key] != guess for key, guess in pairs if key in said]
                wrong.append(float(np.mean(missed)) if missed else 0.0)
        return np.array(wrong, np.float32)

    def audit_gap(self) -> int:
        """How many of the drawn images of closed rounds have no label that counts: left out, they flatter the audit."""
        closed = {key for one in self.ledger.rounds() if one.answered for key in one.audit}
        return len(closed - {label.item for label in self.labels().counted})

    @property
    def audit(self) -> float:
        """The part of each batch that is drawn at random; in a simulation, which has held-out images, none."""
        if self.settings.audit is not None:
            return self.settings.audit
        return 0.0 if self.label_source.answers_now else AUDIT

    # Parts

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
        return cast(Sampler, REGISTRIES["sampler"].build({"name": self.settings.start.sampler}))

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

    def head(self) -> Head:
        """A new, unfitted head."""
        return checked_head(cast(Head, self._build("head")), self.recipes["head"])

    def name(self, kind: str) -> str:
        """The registry name of the part of this kind."""
        return str(self.recipes[kind]["name"])

    def config(self) -> dict[str, Any]:
        """Settings and recipes as plain data, for the ledger."""
        return {"settings": stored_form(self.settings), "recipes": to_plain(self.recipes)}

    def owners(self) -> dict[str, str]:
        """Which distribution each part comes from, as "kind:name" -> "distribution version"."""
        found = {}
        for kind, recipe in self.recipes.items():
            for one in (recipe or {}).values() if kind in ("exporter", "tracker") else [recipe]:
                if one:
                    entry = REGISTRIES[kind].get(str(one["name"]))
                    found[f"{kind}:{entry.name}"] = f"{entry.owner} {entry.version}"
        return found

    def _build(self, kind: str) -> object:
        recipe = self.recipes.get(kind)
        if not recipe or "name" not in recipe:
            raise BadParams(f"No {kind} is chosen. Give one: {kind}=<name>; `alframe plugins` lists them.")
        return REGISTRIES[kind].build(recipe)

    def _build_all(self, kind: str) -> list[object]:
        return [REGISTRIES[kind].build(recipe) for recipe in (self.recipes.get(kind) or {}).values() if recipe]
