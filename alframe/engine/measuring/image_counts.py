"""Count the known images of each class, for messages about classes without a test image."""

from __future__ import annotations

import numpy as np

from alframe.engine.fit import TrainingLabels
from alframe.engine.listing.pool_listing import PoolListing


def describe_image_counts(listing: PoolListing, training: TrainingLabels, group: str) -> dict[str, str]:
    """Describe, by class, the number of known images, and whether all of them are in one `group` (see Holdout).

    A group is either held out or used for training, so such a class cannot be measured.
    """
    pool_classes, numbers = listing.classes_and_numbers
    names, numbers = list(dict.fromkeys([*pool_classes, *training.classes])), numbers.copy()
    numbers[training.keys] = np.array([names.index(name) for name in training.classes], np.int64)[training.y]
    rows = np.argsort(numbers, kind="stable")[np.count_nonzero(numbers < 0) :]
    counts = np.bincount(numbers[rows], minlength=len(names))
    groups, where = (listing.cameras, "at one camera") if group == "camera" else (listing.sequences, "in one sequence")
    described = {}
    for name, of_class in zip(names, np.split(rows, np.cumsum(counts)[:-1]), strict=True):
        count, first = len(of_class), groups[of_class[:1]]
        described[name] = f"{count:,} image{'' if count == 1 else 's'}" if count else "no image yet"
        if count > 1 and first[0] >= 0 and (groups[of_class] == first[0]).all():
            described[name] += f", all {where}"
    return described
