"""The scores are scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from alframe.engine.measuring.evaluate import count_confusion, log_loss, precision_recall_f1


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    classes, n = 7, 60
    actual, predicted = rng.integers(0, classes - 1, n), rng.integers(1, classes, n)  # one never true, one never said
    weights, names = rng.random(n), np.arange(classes)
    matrix = metrics.confusion_matrix(actual, predicted, labels=names)
    assert (count_confusion(actual, predicted, classes) == matrix).all()
    theirs = metrics.precision_recall_fscore_support(
        actual, predicted, labels=names, zero_division=0, sample_weight=weights
    )
    for ours, expected in zip(precision_recall_f1(actual, predicted, classes, weights), theirs[:3], strict=True):
        assert ours.tolist() == expected.tolist()
    probs = rng.dirichlet(np.full(classes, 0.05), n).astype(np.float32)  # some are 0
    assert log_loss(probs, actual, weights) == pytest.approx(
        metrics.log_loss(actual, probs, labels=names, sample_weight=weights), rel=1e-6
    )
