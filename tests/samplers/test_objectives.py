"""All images count alike, or all classes do."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.samplers.objectives import objective_weights


def test_for_the_accuracy_all_images_count_alike():
    probs = np.random.default_rng(0).dirichlet(np.ones(4), 30).astype(np.float32)
    assert (objective_weights("accuracy", probs) == 1).all()


def test_for_macro_all_classes_count_alike_where_the_head_is_sure():
    classes = np.repeat([0, 1, 2], [900, 90, 10])
    weights = objective_weights("macro", np.eye(3, dtype=np.float32)[classes])
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    # But for the one image that is added to each share.
    sums = [weights[classes == number].sum() / len(weights) for number in range(3)]
    assert sums == pytest.approx([1 / 3, 1 / 3, 1 / 3], rel=0.1)


def test_a_class_that_the_head_sees_nowhere_does_not_count_without_bound():
    probs = np.full((100, 3), [0.7, 0.3, 0.0], np.float32)
    probs[0] = [0.7, 0.3 - 1e-6, 1e-6]
    weights = objective_weights("macro", probs)
    assert np.isfinite(weights).all() and weights.max() < 1.001 * weights.min()
