"""A batch in an order in which neighbours look alike."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine.arrange import positions_by_similarity
from alframe.types import Floats


def clusters(count: int, groups: int = 5) -> tuple[Floats, np.ndarray]:
    rng = np.random.default_rng(count)
    labels = rng.integers(0, groups, count)
    return (4 * rng.normal(size=(groups, 40))[labels] + rng.normal(size=(count, 40))).astype(np.float32), labels


@pytest.mark.parametrize("count", [20, 299, 301, 1000])
def test_images_of_a_cluster_stand_together(count: int) -> None:
    x, labels = clusters(count)
    places = positions_by_similarity(x)
    assert sorted(places.tolist()) == list(range(count))
    ordered = labels[np.argsort(places)]
    assert int((ordered[1:] != ordered[:-1]).sum()) < 8, "five clusters: at least four borders"


def test_many_images_are_ordered_in_parts() -> None:
    x, labels = clusters(3500)
    places = positions_by_similarity(x)
    assert sorted(places.tolist()) == list(range(3500))
    ordered = labels[np.argsort(places)]
    assert int((ordered[1:] != ordered[:-1]).sum()) < 40


def test_few_images_and_images_without_features() -> None:
    for count in range(4):
        assert sorted(positions_by_similarity(np.zeros((count, 3), np.float32)).tolist()) == list(range(count))
