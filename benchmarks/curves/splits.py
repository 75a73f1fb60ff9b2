"""The part of the page about sets whose test images differ by seed: the meaning of their intervals."""

from __future__ import annotations

import numpy as np

from alframe.comparison.statistics import Interval, mean_interval
from alframe.types import Floats64
from benchmarks.curves.needed import DEFAULT, RANDOM, Sets
from benchmarks.strategies import DRAWN, area, common_rows

TEST_PER_POOL = 1 / 4  # images tested on for each image of the pool: a fifth of all images is held out
COMPARED = ("adaptive:auto", "margin:auto", RANDOM)
LATE = 160  # labels from which the end of a curve is compared

INTRODUCTION = (
    "On most of these sets, all seeds have the same test images. So the intervals do not include the random variation "
    "of the test images. In the next table, each seed tests on a different fifth of the images or of the bursts "
    f"(`--draw-test`). The names of these sets end with `{DRAWN}`. The seeds of `caltech101-animals{DRAWN}` are 1000 "
    "to 1049. They were not used for any decision about the default."
)


def table_of_splits(drawn: Sets) -> str:
    """Return the table in Markdown, or "" without such sets."""
    lines = [
        "The next table shows the default minus another strategy on these sets. *Over splits* has Student's interval, "
        "which is valid for other splits of the same images. *Corrected* has the interval for other images of the same "
        "kind (Nadeau and Bengio 2003, a fifth of the images held out). It is wider, because the splits share most of "
        f"their images. *From {LATE} labels on* is the mean difference over the last numbers of labels, with "
        "Student's interval.",
        "",
        f"| set | splits | minus | area, over splits | area, corrected | from {LATE} labels on |",
        "| --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for name, by in drawn.items():
        for other in (each for each in COMPARED if each in by):
            ours, theirs, labels = common_rows(by[DEFAULT], by[other], "accuracy")
            gains, late = area(ours, labels) - area(theirs, labels), labels >= LATE
            over_splits, at_end = mean_interval(gains), mean_interval(100 * (ours - theirs)[:, late].mean(axis=1))
            cells = map(_text, (over_splits, correct_for_shared_images(gains), at_end))
            lines.append(f"| {name} | {len(gains)} | `{other}` | {' | '.join(cells)} |")
    return "\n".join(lines) if drawn else ""


def correct_for_shared_images(gains: Floats64) -> Interval:
    """Return the mean of `gains` (splits,) with an interval that is valid for new images, not only for these splits.

    Nadeau and Bengio 2003, "Inference for the generalization error": the variance of the mean is multiplied by
    1 + splits * TEST_PER_POOL.
    """
    found = mean_interval(gains)
    half = (found.high - found.mean) * np.sqrt(1 + len(gains) * TEST_PER_POOL)
    return Interval(found.mean, found.mean - float(half), found.mean + float(half))


def _text(found: Interval) -> str:
    return f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
