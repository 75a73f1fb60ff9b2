"""The settings of a campaign: each group is one dataclass, which is its definition, its check and its defaults."""

from alframe.settings.boxes import Boxes
from alframe.settings.campaign import RENAMED, Root, Settings
from alframe.settings.compare import Compare
from alframe.settings.duplicates import Duplicates
from alframe.settings.finetune import Finetune, TrainingPlan
from alframe.settings.holdout import Holdout
from alframe.settings.inference import Inference
from alframe.settings.sequences import Sequences
from alframe.settings.start import Start
from alframe.settings.stored import identity, stored_form

__all__ = [
    "RENAMED",
    "Boxes",
    "Compare",
    "Duplicates",
    "Finetune",
    "Holdout",
    "Inference",
    "Root",
    "Sequences",
    "Settings",
    "Start",
    "TrainingPlan",
    "identity",
    "stored_form",
]
