"""The data that a sampler may need."""

from __future__ import annotations

import enum


class Need(enum.Enum):
    """An array that a sampler can ask the engine to compute. The value is the name of the property of PoolView."""

    FEATURES = "features"
    LABELLED_FEATURES = "labelled_features"
    LABELS = "labels"
    CLASS_NAMES = "class_names"
    IS_UNSEEN_BY_BACKBONE = "is_unseen_by_backbone"
    PROBS = "probs"
    LABELLED_PROBS = "labelled_probs"
    PROB_SAMPLES = "prob_samples"
    HIDDEN_ACTIVATIONS = "hidden_activations"
    PREDICT = "predict"
    SEQUENCES = "sequences"
    LABELLED_SEQUENCES = "labelled_sequences"
    TAKEN = "taken"
    LABELLED_TAKEN = "labelled_taken"
    CAMERAS = "cameras"
    LABELLED_CAMERAS = "labelled_cameras"
    IDS = "ids"
    LABELLED_IDS = "labelled_ids"
    BATCH_ERROR_RATES = "batch_error_rates"
    CHOSEN_BY = "chosen_by"


MODEL_NEEDS = frozenset({Need.PROBS, Need.LABELLED_PROBS, Need.PROB_SAMPLES, Need.HIDDEN_ACTIVATIONS, Need.PREDICT})
# Facts that only the pool knows: those of the unlabelled items, and the same of the labelled ones.
POOL_FACTS = {Need.TAKEN: Need.LABELLED_TAKEN, Need.CAMERAS: Need.LABELLED_CAMERAS, Need.IDS: Need.LABELLED_IDS}
# Arrays with a row for each unlabelled item.
PER_ITEM_ARRAYS = (Need.PROBS, Need.HIDDEN_ACTIVATIONS, Need.SEQUENCES, *POOL_FACTS)
