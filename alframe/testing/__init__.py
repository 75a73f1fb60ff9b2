"""Conformance suites for authors of parts. Write a subclass of a suite that makes your part, and run pytest.

Each suite is imported when it is first used. It needs pytest, and only the packages that this kind of part needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alframe.builtins import KINDS

if TYPE_CHECKING:
    from alframe.testing.backbone import BackboneSuite as BackboneSuite
    from alframe.testing.campaign_command import CampaignCommand as CampaignCommand
    from alframe.testing.cluster_compute import ClusterComputeSuite as ClusterComputeSuite
    from alframe.testing.compute import ComputeSuite as ComputeSuite
    from alframe.testing.exporter import ExporterSuite as ExporterSuite
    from alframe.testing.head import HeadSuite as HeadSuite
    from alframe.testing.label_source import LabelSourceSuite as LabelSourceSuite
    from alframe.testing.loss import LossSuite as LossSuite
    from alframe.testing.pool import PoolSuite as PoolSuite
    from alframe.testing.records import round_record as round_record
    from alframe.testing.sampler import SamplerSuite as SamplerSuite
    from alframe.testing.sampler import tiny_view as tiny_view
    from alframe.testing.stopping import StoppingSuite as StoppingSuite
    from alframe.testing.task import TaskSuite as TaskSuite
    from alframe.testing.tiny import tiny_overrides as tiny_overrides
    from alframe.testing.tiny import tiny_pool as tiny_pool
    from alframe.testing.tracker import TrackerSuite as TrackerSuite

_MODULES = {"".join(map(str.capitalize, kind.split("_"))) + "Suite": kind for kind in KINDS}
_MODULES |= {"CampaignCommand": "campaign_command", "ClusterComputeSuite": "cluster_compute"}
_MODULES |= {"round_record": "records", "tiny_overrides": "tiny", "tiny_pool": "tiny", "tiny_view": "sampler"}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'alframe.testing' has no attribute '{name}'")
    return getattr(import_module(f"alframe.testing.{_MODULES[name]}"), name)
