"""The nearest class mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from alframe.errors import BadParams
from alframe.heads import prototype
from alframe.heads.fitting import scale_examples
from alframe.heads.linear import Linear
from alframe.heads.prototype import Prototype
from alframe.kit.clustering import unit_vectors
from alframe.testing.head import HeadSuite, separable_clusters


class TestPrototype(HeadSuite):
    make = Prototype
    weights_are_exact = False  # to choose the sharpness, it leaves out each example whole


class TestPlainPrototype(HeadSuite):
    weights_are_exact = False

    def make(self):
        return Prototype(shrinkage=1.0)


def fitted(head, x, y, classes):
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


def blobs(sizes, dim, apart, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.random.default_rng(9).normal(size=(len(sizes), dim)) * apart
    return (centres[y] + rng.normal(size=(len(y), dim))).astype(np.float32), y


def test_equal_classes_fall_with_the_distance_to_their_means():
    x, y = blobs([20, 20, 20], 8, 1.0)
    head = fitted(Prototype(shrinkage=1.0), x, y, 3)
    scaled, mean, scale, _, _ = scale_examples(x, y)
    means = np.stack([unit_vectors(scaled)[y == label].mean(axis=0) for label in range(3)])
    new = unit_vectors((blobs([5, 5, 5], 8, 1.0, seed=1)[0] - mean) / scale)
    squares = np.square(new[:, None] - means).sum(axis=-1)
    probs = head.probs(new * scale + mean)
    slope = np.diff(np.log(probs.astype(np.float64)), axis=1) / np.diff(squares, axis=1)
    np.testing.assert_allclose(slope, slope[0, 0], rtol=1e-2)
    assert slope[0, 0] < 0


def test_along_the_shrunken_covariance_it_orders_the_classes_as_scikit_learn():
    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    head = fitted(Prototype(shrinkage=0.1), x[:1000], y[:1000], 10)
    scaled, mean, scale, _, _ = scale_examples(x[:1000], y[:1000])
    rows = unit_vectors(scaled)
    counts = np.bincount(y[:1000])
    residuals = rows - np.stack([rows[y[:1000] == label].mean(axis=0) for label in range(10)])[y[:1000]]
    covariance = residuals.T @ residuals / len(rows)
    same = 0.9 * covariance + 0.1 * np.trace(covariance) / 64 * np.eye(64)
    peer = LinearDiscriminantAnalysis(solver="lsqr", priors=counts / counts.sum())
    peer.fit(rows, y[:1000])
    peer.coef_ = np.linalg.solve(same, peer.means_.T).T
    peer.intercept_ = -0.5 * (peer.means_ * peer.coef_).sum(axis=1) + np.log(peer.priors_)
    mine, theirs = head.probs(x[1000:]).argmax(axis=1), peer.predict(unit_vectors((x[1000:] - mean) / scale))
    assert (mine == theirs).mean() > 0.98
    assert (mine == y[1000:]).mean() > 0.9


def test_leaving_one_out_is_as_if_it_had_not_been_there():
    x, y = blobs([6, 4, 3], 5, 1.0)
    shrinkage, part = 0.6, 0.07
    means = np.stack([x[y == label].mean(axis=0) for label in range(3)])
    factor = prototype._covariance_factor(x - means[y], shrinkage, part)
    white, white_means = (prototype._whiten(rows, factor) for rows in (x, means))
    found = prototype._leave_one_out_distances(white, white_means, y, np.ones(len(x)), np.bincount(y), part)
    for at in range(len(x)):
        rest = np.arange(len(x)) != at
        without = np.stack([x[rest & (y == label)].mean(axis=0) for label in range(3)])
        residuals = x[rest] - without[y[rest]]
        inverse = np.linalg.inv(part * residuals.T @ residuals + shrinkage * np.eye(5))
        gaps = x[at] - without
        np.testing.assert_allclose(found[at], np.einsum("cd,de,ce->c", gaps, inverse, gaps), rtol=1e-3)


def test_a_class_of_two_is_not_lost_among_large_ones():
    sizes, dim = [60, 60, 2], 400
    x, y = blobs(sizes, dim, 0.35)
    new, truth = blobs([100, 100, 100], dim, 0.35, seed=1)
    probs = fitted(Prototype(), x, y, 3).probs(new)
    rare = (probs[truth == 2].argmax(axis=1) == 2).mean()
    assert rare > 0.5
    assert rare > (fitted(Linear(), x, y, 3).probs(new[truth == 2]).argmax(axis=1) == 2).mean()


def test_probabilities_mean_what_they_say():
    x, y = blobs([15] * 4, 50, 0.2)
    new, truth = blobs([500] * 4, 50, 0.2, seed=1)
    probs = fitted(Prototype(), x, y, 4).probs(new)
    right = probs.argmax(axis=1) == truth
    assert 0.4 < right.mean() < 0.95
    assert abs(probs.max(axis=1).mean() - right.mean()) < 0.07


def test_the_best_sharpness_and_share_are_found():
    rng = np.random.default_rng(0)
    squares, shares, y = rng.gamma(2, size=(60, 3)), np.log(rng.dirichlet(np.ones(3), 60)), rng.integers(3, size=60)
    squares[np.arange(60), y] *= 0.6

    def loss(sharpness, share):
        logs = np.log(softmax(-sharpness * squares + share * shares, axis=1))
        return -logs[np.arange(60), y].sum() - logs.mean()

    found = prototype._fit_logit_factors(squares, shares, y, np.ones(60))
    tried = [loss(*pair) for pair in zip(rng.uniform(0, 3, 500), rng.uniform(0, 1, 500), strict=True)]
    assert loss(*found) <= min(tried) + 1e-3


def test_one_example_of_each_class_is_enough():
    x, y = separable_clusters(per_class=1)
    new, truth = separable_clusters(seed=3)
    assert (fitted(Prototype(), x, y, 3).probs(new).argmax(axis=1) == truth).mean() > 0.95


@pytest.mark.parametrize("shrinkage", [0, -0.1, 1.1])
def test_values_that_cannot_be(shrinkage):
    with pytest.raises(BadParams, match="head 'prototype'"):
        Prototype(shrinkage=shrinkage)
