"""The records that cross module borders: frozen, typed, and free of heavy imports."""

from alframe.types.images import Box, Floats, Ints, Item, ItemId, root_of
from alframe.types.inference import Inference
from alframe.types.labels import UNSURE, Answers, Label, Problem, Request, Suggestion
from alframe.types.rounds import Curve, Evaluation, Outcome, Predictions, RoundRecord, State
from alframe.types.rows import Rows, SampleRows
from alframe.types.training import InputSpec, TrainingPlan
from alframe.types.views import Need, PoolView, Predict, Selection

__all__ = [
    "UNSURE",
    "Answers",
    "Box",
    "Curve",
    "Evaluation",
    "Floats",
    "Inference",
    "InputSpec",
    "Ints",
    "Item",
    "ItemId",
    "Label",
    "Need",
    "Outcome",
    "PoolView",
    "Predict",
    "Predictions",
    "Problem",
    "Request",
    "RoundRecord",
    "Rows",
    "SampleRows",
    "Selection",
    "State",
    "Suggestion",
    "TrainingPlan",
    "root_of",
]
