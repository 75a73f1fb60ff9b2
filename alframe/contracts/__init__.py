"""What each kind of part must offer. A constructor only stores its parameters: no file, no network, no device."""

from alframe.contracts.backbone import Backbone
from alframe.contracts.compute import Compute
from alframe.contracts.exporter import Exporter, SavedModel
from alframe.contracts.head import Head
from alframe.contracts.label_source import LabelSource
from alframe.contracts.loss import Loss
from alframe.contracts.pool import Pool
from alframe.contracts.sampler import Sampler
from alframe.contracts.stopping import Stopping
from alframe.contracts.task import Task
from alframe.contracts.tracker import Tracker

__all__ = [
    "Backbone",
    "Compute",
    "Exporter",
    "Head",
    "LabelSource",
    "Loss",
    "Pool",
    "Sampler",
    "SavedModel",
    "Stopping",
    "Task",
    "Tracker",
]
