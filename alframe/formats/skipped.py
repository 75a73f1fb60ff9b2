"""Count the records of a file that were not used, and name one of each kind. All other records are used."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class SkippedRecords:
    """The records that were not used, by consequence (e.g. "detections are skipped"), with the first of each kind."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: str, example: str, count: int = 1) -> None:
        """Count `count` more records. `example` names one of them and its fault."""
        self.counts[outcome] += count
        # A lone surrogate, as JSON may hold one, could not be printed.
        self.examples.setdefault(outcome, example.encode("utf-8", "replace").decode())

    def warn(self, log: logging.Logger, file: Path, intro: str = "") -> None:
        """Log one line for each kind. `intro` is between the count and the consequence, and ends with a blank."""
        for outcome, count in self.counts.items():
            log.warning("%s: %d %s%s, e.g. %s", file, count, intro, outcome, self.examples[outcome])
