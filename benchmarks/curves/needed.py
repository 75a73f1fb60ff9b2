"""The part of the page about the labels that the default needs, as a share of the labels for random choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.strategies import labels_needed

DEFAULT, RANDOM, RANDOM_START = "uherding_bursts:auto", "random:auto", "random:auto:random"
SAME = "uherding:auto"  # chooses as the default does, in pools without bursts
CEILING = "ceiling:auto"

Sets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Needed:
    """The labels to 95 % of the ceiling, the median over seeds; inf: not reached with `most` labels."""

    labels: float
    most: int
    seeds: int

    def __str__(self) -> str:
        number = f"{self.labels:.0f}" if np.isfinite(self.labels) else f"more than {self.most}"
        return f"{number} ({self.seeds})"

    def is_at_most_half_of(self, other: Needed) -> bool:
        """Whether this needs at most half of the labels of `other`, whose run may have ended too early."""
        return 2 * self.labels <= (other.labels if np.isfinite(other.labels) else other.most)


def needed(by: Mapping[str, Any], strategy: str) -> Needed | None:
    """Return the labels that a strategy needs on one set; None if it or the ceiling was not run."""
    if strategy not in by or CEILING not in by:
        return None
    found = labels_needed(by, strategy)
    return Needed(float(np.median(found)), int(by[strategy]["labels"][-1]), len(found))


def table_of_labels_needed(far: Sets) -> str:
    """Return the table in Markdown, or "" if no set has a ceiling."""
    lines = [
        "*Labels to 95 %* is the number of labels needed to reach 95 % of the accuracy that the default head has with "
        "all labels of the pool. If each seed has a different pool, this accuracy is measured for each seed. The "
        "number of labels is the median over the seeds. The brackets contain the number of seeds. "
        "*Batch* is the batch size of the default. The table has two kinds of random choice: "
        f"`{RANDOM}` starts with the same first labels as the default, and `{RANDOM_START}` with random first labels. "
        "*Share* is the number of labels of the default, divided by the number of labels of random choice.",
        "",
        f"| set | accuracy with all labels | batch | default | `{RANDOM}` | share | `{RANDOM_START}` | share |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, by in far.items():
        if ours := needed(by, DEFAULT):
            cells = []
            for theirs in (needed(by, RANDOM), needed(by, RANDOM_START)):
                cells += [str(theirs), _share(ours, theirs)] if theirs else ["–", "–"]
            batch = by[DEFAULT]["labels"][1] - by[DEFAULT]["labels"][0]
            ceiling = 100 * np.mean(by[CEILING]["accuracy"])
            lines.append(f"| {name} | {ceiling:.1f} | {batch} | {ours} | {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 4 else ""


def _share(ours: Needed, theirs: Needed) -> str:
    if not np.isfinite(ours.labels):
        return "–"
    if np.isfinite(theirs.labels):
        return f"{ours.labels / theirs.labels:.2f}"
    return f"below {ours.labels / theirs.most:.2f}"


def judge_shares(far: Sets) -> list[str]:
    """Return a line on the number of sets on which the default needs at most half of the labels of random choice."""
    results = []
    for random, which in (
        (RANDOM, "starts with the same first labels as the default"),
        (RANDOM_START, "also draws the first labels at random"),
    ):
        pairs = {name: (needed(by, DEFAULT), needed(by, random)) for name, by in far.items()}
        known = {name: (ours, theirs) for name, (ours, theirs) in pairs.items() if ours and theirs}
        half = [name for name, (ours, theirs) in known.items() if ours.is_at_most_half_of(theirs)]
        if known:
            results.append(
                f"If random choice {which}, the default reaches this goal on {len(half)} of {len(known)} sets: "
                f"{', '.join(half) or 'none'}."
            )
    goal = (
        "- *Goal: on three of five sets, the default needs at most half as many labels as random choice to reach 95 % "
        "of the accuracy with all labels.* (The goal was set for five sets. The results are for all sets with this "
        "measurement.)"
    )
    return [" ".join([goal, *results])] if results else []
