"""Conformance suites for plugin authors: subclass one, say how your part is made, and pytest does the rest.

The suites load when first used; each needs pytest, and only the packages of its own kind.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alframe.testing.backbone import BackboneSuite
    from alframe.testing.compute import ComputeSuite
    from alframe.testing.exporter import ExporterSuite
    from alframe.testing.head import HeadSuite
    from alframe.testing.label_source import LabelSourceSuite
    from alframe.testing.loss import LossSuite
    from alframe.testing.pool import PoolSuite
    from alframe.testing.records import round_record
    from alframe.testing.sampler import SamplerSuite, tiny_view
    from alframe.testing.stopping import StoppingSuite
    from alframe.testing.task import TaskSuite
    from alframe.testing.tiny import tiny_pool, tiny_words
    from alframe.testing.tracker import TrackerSuite

_PLACES = {
    "BackboneSuite": "backbone",
    "ComputeSuite": "compute",
    "ExporterSuite": "exporter",
    "HeadSuite": "head",
    "LabelSourceSuite": "label_source",
    "LossSuite": "loss",
    "PoolSuite": "pool",
    "SamplerSuite": "sampler",
    "StoppingSuite": "stopping",
    "TaskSuite": "task",
    "TrackerSuite": "tracker",
    "round_record": "records",
    "tiny_pool": "tiny",
    "tiny_view": "sampler",
    "tiny_words": "tiny",
}

__all__ = [
    "BackboneSuite",
    "ComputeSuite",
    "ExporterSuite",
    "HeadSuite",
    "LabelSourceSuite",
    "LossSuite",
    "PoolSuite",
    "SamplerSuite",
    "StoppingSuite",
    "TaskSuite",
    "TrackerSuite",
    "round_record",
    "tiny_pool",
    "tiny_view",
    "tiny_words",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'alframe.testing' has no attribute '{name}'")
    return getattr(import_module(f"alframe.testing.{_PLACES[name]}"), name)
