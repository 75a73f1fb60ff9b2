"""A batch that a campaign on arrays has asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alframe.types import Ints


class AskedBatch:
    """One batch: its rows (k,), the classes (k,) that the head predicted for them, and the sampler that chose it."""

    def __init__(self, rows: Ints, predicted: Sequence[Any], chosen_by: str) -> None:
        self.rows, self.predicted, self.chosen_by = rows.tolist(), predicted, chosen_by

    def error_rate(self, labels: Mapping[int, Any]) -> float:
        """Return the share of the labelled rows whose prediction was wrong; 0 if none has a label."""
        pairs = zip(self.rows, self.predicted, strict=True)
        is_wrong = [labels[row] != prediction for row, prediction in pairs if row in labels]
        return float(np.mean(is_wrong)) if is_wrong else 0.0
