"""What is known of each image: what somebody has said, else what the model predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alframe.types import UNSURE, Floats, Label, Predictions

CHUNK = 50_000  # images whose classes are ranked at once


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Per item: its class, how sure that is (1 where somebody has said it), and the label or None."""

    names: Sequence[str]
    confidence: Floats
    labels: Sequence[Label | None]


def verdicts(predictions: Predictions) -> Verdicts:
    """People's word before the model's; that somebody could not tell is no word."""
    labels = [said if said and said.class_name != UNSURE else None for said in predictions.labels]
    names = np.array(predictions.classes, object)[predictions.probs.argmax(axis=1)].tolist()
    confidence = predictions.probs.max(axis=1).astype(np.float32)
    for row, said in enumerate(labels):
        if said is not None:
            names[row], confidence[row] = said.class_name, 1
    return Verdicts(names, confidence, labels)


def ranked(probs: Floats, top: int) -> tuple[npt.NDArray[np.int32], Floats]:
    """(n, k) class numbers, best first, and their probabilities; k is `top` or the number of classes."""
    order = np.empty((len(probs), min(top, probs.shape[1])), np.int32)
    for start in range(0, len(probs), CHUNK):
        chunk = np.argsort(-probs[start : start + CHUNK], axis=1, kind="stable")
        order[start : start + CHUNK] = chunk[:, : order.shape[1]]
    return order, np.take_along_axis(probs, order.astype(np.intp), axis=1)
