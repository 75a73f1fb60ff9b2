"""What each kind of part must offer, and what it may offer besides.

A constructor only stores its parameters: no file, no network, no device.

An optional ability, such as `FixedDraws`, is a Protocol beside the contract of its kind. A part has it if it offers the
attribute or method; it inherits nothing. alframe looks with ``isinstance``, which sees what the class or the instance
itself defines, and nothing that `__getattr__` makes up.
"""

from alframe.contracts.backbone import Backbone
from alframe.contracts.compute import Compute
from alframe.contracts.exporter import Exporter, SavedModel
from alframe.contracts.head import Head, HiddenActivations
from alframe.contracts.label_source import LabelSource, PersistentAnswers
from alframe.contracts.loss import CountsLabels, Loss
from alframe.contracts.parts import Parts
from alframe.contracts.pool import Pool, SyntheticPool
from alframe.contracts.sampler import DEFAULT_DRAWS, FixedDraws, Sampler
from alframe.contracts.session import Session
from alframe.contracts.stopping import AuditBased, Stopping
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
