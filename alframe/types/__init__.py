"""The records that cross module borders: frozen, typed, and free of heavy imports."""

from alframe.types.audit import UNLABELLED, WHOLE_POOL, AuditDraw, Estimate
from alframe.types.campaign_snapshot import Agreement, CampaignSnapshot, KnownLabel, PoolPredictions, UnseenClasses
from alframe.types.fit_context import FitContext
from alframe.types.images import (
    UTC_OFFSET,
    Bools,
    Box,
    Floats,
    Floats64,
    InputSpec,
    Ints,
    Item,
    ItemId,
    Texts,
    Times,
    pool_root,
)
from alframe.types.item_columns import ItemColumns, ListedFolder
from alframe.types.labels import UNSURE, Answers, Label, Problem, Request, Suggestion, UnrequestedInRound
from alframe.types.lazy import LazyFeatures, LazyProbs, LazySamples
from alframe.types.needs import MODEL_NEEDS, POOL_FACTS, Need
from alframe.types.pool_view import PoolView, Predict, Selection
from alframe.types.rounds import (
    CROSS_VALIDATION_BASIS,
    Curve,
    Evaluation,
    Outcome,
    OutcomeState,
    Predictions,
    RequestedBatch,
    RoundRecord,
)

__all__ = [
    "CROSS_VALIDATION_BASIS",
    "MODEL_NEEDS",
    "POOL_FACTS",
    "UNLABELLED",
    "UNSURE",
    "UTC_OFFSET",
    "WHOLE_POOL",
    "Agreement",
    "Answers",
    "AuditDraw",
    "Bools",
    "Box",
    "CampaignSnapshot",
    "Curve",
    "Estimate",
    "Evaluation",
    "FitContext",
    "Floats",
    "Floats64",
    "InputSpec",
    "Ints",
    "Item",
    "ItemColumns",
    "ItemId",
    "KnownLabel",
    "Label",
    "LazyFeatures",
    "LazyProbs",
    "LazySamples",
    "ListedFolder",
    "Need",
    "Outcome",
    "OutcomeState",
    "PoolPredictions",
    "PoolView",
    "Predict",
    "Predictions",
    "Problem",
    "Request",
    "RequestedBatch",
    "RoundRecord",
    "Selection",
    "Suggestion",
    "Texts",
    "Times",
    "UnrequestedInRound",
    "UnseenClasses",
    "pool_root",
]
