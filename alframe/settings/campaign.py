"""All settings of a campaign, and its folders."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alframe.class_names import clean_declared_classes
from alframe.settings.fields import InvalidSetting, path_field, require_at_least, require_field, require_one_of
from alframe.settings.finetune import Finetune
from alframe.settings.groups import BaselineComparison, Boxes, Duplicates, Holdout, Inference, Sequences, Start

# Settings that had another name: the old one is understood, with a warning. Full old name -> full new name.
RENAMED: dict[str, str] = {}

CONFLICT_RULES = ("ask", "latest", "majority")


@dataclass(frozen=True)
class Settings:
    """The settings outside the parts. ``conf/config.yaml`` describes each of them."""

    seed: int = 0
    batch: int = 20
    per_sequence: int | None = 1
    propagate: bool = False
    audit: float | None = None
    start: Start = Start()
    classes: tuple[str, ...] = ()
    enough: float = 1.0
    reask: int | None = 3
    conflicts: str = "ask"
    sequences: Sequences = Sequences()
    duplicates: Duplicates = Duplicates()
    boxes: Boxes = Boxes()
    holdout: Holdout = Holdout()
    inference: Inference = Inference()
    finetune: Finetune = Finetune()
    compare: BaselineComparison = BaselineComparison()

    def __post_init__(self) -> None:
        require_at_least(self, seed=0, batch=1, per_sequence=1, reask=0)
        require_field(0 < self.enough <= 1, self, "enough", "a part of the batch, above 0 and up to 1")
        require_field(0 <= (self.audit or 0) <= 1, self, "audit", "a part of the batch, from 0 to 1, or null")
        require_field(all(isinstance(name, str) for name in self.classes), self, "classes", "a list of strings")
        try:
            object.__setattr__(self, "classes", clean_declared_classes(self.classes))
        except ValueError as error:
            raise InvalidSetting("classes", self.classes, str(error)) from None
        require_one_of(self, conflicts=CONFLICT_RULES)

    def without_comparison(self) -> Settings:
        return replace(self, compare=replace(self.compare, sampler=None))


@dataclass(frozen=True)
class CampaignFolders:
    """The folder of a campaign: `project`, or else a new folder below `runs`."""

    project: str | None = path_field(None)
    runs: str = path_field("alframe-runs")


@dataclass(frozen=True)
class RootSettings(Settings, CampaignFolders):
    """All top-level settings of the configuration, without the parts."""
