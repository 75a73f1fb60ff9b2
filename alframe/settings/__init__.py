"""The settings of a campaign. Each group is one dataclass, which defines, checks and documents its settings."""

from alframe.settings.campaign import RENAMED, RootSettings, Settings
from alframe.settings.finetune import Finetune, TrainingPlan
from alframe.settings.groups import BaselineComparison, Boxes, Duplicates, Holdout, Inference, Sequences, Start
from alframe.settings.stored import (
    configuration_digest,
    non_default_settings,
    setting_values,
    settings_as_stored,
    without_added_parameters,
)

__all__ = [
    "RENAMED",
    "BaselineComparison",
    "Boxes",
    "Duplicates",
    "Finetune",
    "Holdout",
    "Inference",
    "RootSettings",
    "Sequences",
    "Settings",
    "Start",
    "TrainingPlan",
    "configuration_digest",
    "non_default_settings",
    "setting_values",
    "settings_as_stored",
    "without_added_parameters",
]
