"""The records that cross module borders: frozen, typed, and free of heavy imports."""

from alframe.types.images import Box, Floats, Ints, Item, ItemId, root_of
from alframe.types.inference import Inference
from alframe.types.labels import UNSURE, Answers, Label, Problem, Request, Suggestion
from alframe.types.rounds import Curve, Evaluation, Outcome, Predictions, RoundRecord, State
from alframe.types.training import InputSpec, TrainingPlan
from alframe.types.views import Need, PoolView, Predict, Rows, Selection

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
    "Selection",
    "State",
    "Suggestion",
    "TrainingPlan",
    "root_of",
]
