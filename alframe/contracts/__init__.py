"""What each kind of part must offer. A constructor only stores its parameters: no file, no network, no device."""

from alframe.contracts.abilities import (
    DEFAULT_DRAWS,
    AuditBased,
    CountsLabels,
    FixedDraws,
    HiddenActivations,
    PersistentAnswers,
    SyntheticPool,
)
from alframe.contracts.backbone import Backbone
from alframe.contracts.compute import Compute
from alframe.contracts.exporter import Exporter, SavedModel
from alframe.contracts.head import Head
from alframe.contracts.label_source import LabelSource
from alframe.contracts.loss import Loss
from alframe.contracts.pool import Pool
from alframe.contracts.sampler import Sampler
from alframe.contracts.session import Parts, Session
from alframe.contracts.stopping import Stopping
from alframe.contracts.task import Task
from alframe.contracts.tracker import Tracker

__all__ = [
    "DEFAULT_DRAWS",
    "AuditBased",
    "Backbone",
    "Compute",
    "CountsLabels",
    "Exporter",
    "FixedDraws",
    "Head",
    "HiddenActivations",
    "LabelSource",
    "Loss",
    "Parts",
    "PersistentAnswers",
    "Pool",
    "Sampler",
    "SavedModel",
    "Session",
    "Stopping",
    "SyntheticPool",
    "Task",
    "Tracker",
]
