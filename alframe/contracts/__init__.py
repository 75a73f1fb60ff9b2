"""The contract of each kind of part, and the optional abilities of parts.

A constructor only stores its parameters. It uses no file, no network and no device.

An optional ability, such as `DeclaresDraws`, is a Protocol beside the contract of its kind. A part has the ability if
it has the attribute or the method; it need not inherit from the Protocol. alframe checks this with ``isinstance``. So
it finds what the class or the instance itself defines, and not what `__getattr__` returns.
"""

from alframe.contracts.backbone import Backbone as Backbone
from alframe.contracts.backbone import HasWeightsFiles as HasWeightsFiles
from alframe.contracts.backbone import TimmNetwork as TimmNetwork
from alframe.contracts.compute import CheckableCompute as CheckableCompute
from alframe.contracts.compute import Compute as Compute
from alframe.contracts.exportable_head import ExportableHead as ExportableHead
from alframe.contracts.exportable_model import ExportableModel as ExportableModel
from alframe.contracts.exporter import CheckableExporter as CheckableExporter
from alframe.contracts.exporter import Exporter as Exporter
from alframe.contracts.head import AcquisitionProbs as AcquisitionProbs
from alframe.contracts.head import Head as Head
from alframe.contracts.head import HiddenActivations as HiddenActivations
from alframe.contracts.head_context import CheckableHead as CheckableHead
from alframe.contracts.head_context import TakesWeights as TakesWeights
from alframe.contracts.head_context import UsesFitContext as UsesFitContext
from alframe.contracts.head_context import UsesUnlabelled as UsesUnlabelled
from alframe.contracts.label_source import AnswersInOnePlace as AnswersInOnePlace
from alframe.contracts.label_source import CheckableSource as CheckableSource
from alframe.contracts.label_source import LabelSource as LabelSource
from alframe.contracts.loss import CheckableLoss as CheckableLoss
from alframe.contracts.loss import Loss as Loss
from alframe.contracts.loss import UsesTrainingLabels as UsesTrainingLabels
from alframe.contracts.parts import Parts as Parts
from alframe.contracts.pool import ListsFolders as ListsFolders
from alframe.contracts.pool import Pool as Pool
from alframe.contracts.pool import SyntheticPool as SyntheticPool
from alframe.contracts.sampler import DEFAULT_DRAWS as DEFAULT_DRAWS
from alframe.contracts.sampler import CheckableSampler as CheckableSampler
from alframe.contracts.sampler import DeclaresDraws as DeclaresDraws
from alframe.contracts.sampler import Sampler as Sampler
from alframe.contracts.sampler import ScoresPool as ScoresPool
from alframe.contracts.sampler import UsesCompute as UsesCompute
from alframe.contracts.serving import LabellingServer as LabellingServer
from alframe.contracts.serving import ServesPeople as ServesPeople
from alframe.contracts.serving import UnrequestedAnswers as UnrequestedAnswers
from alframe.contracts.session import Session as Session
from alframe.contracts.stopping import AuditBased as AuditBased
from alframe.contracts.stopping import HasAccuracyTarget as HasAccuracyTarget
from alframe.contracts.stopping import Stopping as Stopping
from alframe.contracts.task import TakesWords as TakesWords
from alframe.contracts.task import Task as Task
from alframe.contracts.tracker import Tracker as Tracker
from alframe.contracts.tracker import TracksReport as TracksReport
from alframe.contracts.tracker import TracksSettings as TracksSettings
