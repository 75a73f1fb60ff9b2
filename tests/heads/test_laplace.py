"""Logistic regression with a Gaussian around its weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from alframe.errors import BadParams
from alframe.heads.fitting import scale_examples
from alframe.heads.laplace import Laplace
from alframe.heads.linear import Linear
from alframe.testing.head import HeadSuite, separable_clusters


class TestLaplace(HeadSuite):
    make = Laplace


def fitted(head, x, y, classes):
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


def noisy(classes, dim, per_class=15):
    x, y = separable_clusters(per_class, classes, dim)
    return x + np.random.default_rng(3).normal(scale=9, size=x.shape).astype(np.float32), y


def hessian(head, x, y, precision):
    """The whole one (C D, C D), image by image."""
    s = head.state()
    scaled = (x - s["mean"]) / s["scale"]
    total = precision * np.eye(s["weight"].size)
    for row, probs in zip(scaled.astype(np.float64), head.probs(x).astype(np.float64), strict=True):
        total += np.kron(np.diag(probs) - np.outer(probs, probs), np.outer(row, row))
    return total


@pytest.mark.parametrize("dim", [4, 40])  # fewer features than examples, and more
def test_with_two_classes_the_draws_have_the_exact_covariance(dim):
    x, y = noisy(2, dim)
    head = fitted(Laplace(), x, y, 2)
    expected = np.linalg.inv(hessian(head, x, y, head.state()["precision"].item()))
    noise = head._weight_noise(40_000, np.random.default_rng(0)).reshape(40_000, -1)
    # Of all that the covariance says, the variances of logits are what counts.
    along = np.random.default_rng(1).normal(size=(20, noise.shape[1]))
    along[:2, :dim], along[:2, dim:] = x[:2], 0
    found, wanted = (noise @ along.T).var(axis=0), np.einsum("ij,jk,ik->i", along, expected, along)
    np.testing.assert_allclose(found, wanted, rtol=0.04)


def test_with_more_classes_the_traces_agree():
    x, y = noisy(3, 6)
    head = fitted(Laplace(), x, y, 3)
    s = head.state()
    scaled, *_ = scale_examples(x, y)
    whole = np.trace(hessian(head, x, y, 0.0))
    values = (1 / (s["shrink"].astype(np.float64) + 1) ** 2 - 1) * s["precision"].item()
    assert values.sum() == pytest.approx(whole, rel=1e-3)
    assert s["precision"].item() == pytest.approx(np.square(scaled).sum(axis=1).mean() / 0.5**2, rel=1e-5)


def test_the_prediction_is_the_linear_heads():
    x, y = noisy(3, 16)
    expected = fitted(Linear(), x, y, 3).probs(x)
    np.testing.assert_allclose(fitted(Laplace(), x, y, 3).probs(x), expected, atol=1e-6)


def test_draws_disagree_where_nothing_was_labelled():
    x, y = load_digits(return_X_y=True)
    x, known = x.astype(np.float32), y < 5
    few = np.flatnonzero(known)[:150]
    samples = fitted(Laplace(), x[few], y[few], 10).prob_samples(x[150:], 30, np.random.default_rng(0))
    spread = samples.std(axis=0).sum(axis=-1)
    assert spread[~known[150:]].mean() > 1.5 * spread[known[150:]].mean()


def test_more_doubt_more_spread_and_more_labels_less():
    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)

    def mean_deviation(labels, **params):
        head = fitted(Laplace(**params), x[:labels], y[:labels], 10)
        return head.prob_samples(x[1000:], 20, np.random.default_rng(0)).std(axis=0).mean()

    assert mean_deviation(100, doubt=0.2) < mean_deviation(100) < mean_deviation(100, doubt=2.0)
    assert mean_deviation(800) < mean_deviation(100)


def test_an_image_like_the_labelled_has_logits_as_doubtful_as_was_said():
    x, y = noisy(4, 300, per_class=2)
    head = fitted(Laplace(doubt=0.7), x, y, 4)
    s = head.state()
    away = np.random.default_rng(5).normal(size=(50, 300)).astype(np.float32)  # from all that was labelled
    away -= away @ s["axes"].T @ s["axes"]
    away *= np.sqrt(np.square((x - s["mean"]) / s["scale"]).sum(axis=1).mean() / np.square(away).sum(axis=1))[:, None]
    logits = np.einsum("tpd,nd->tpn", head._weight_noise(2000, np.random.default_rng(0)), away)
    assert logits.std(axis=0).mean() == pytest.approx(0.7, rel=0.03)


def test_the_pool_goes_through_in_parts(monkeypatch):
    x, y = noisy(3, 16)
    head = fitted(Laplace(), x, y, 3)
    whole = head.prob_samples(x, 5, np.random.default_rng(0))
    monkeypatch.setattr("alframe.chunks.CHUNK_BYTES", 240)
    np.testing.assert_allclose(head.prob_samples(x, 5, np.random.default_rng(0)), whole, atol=1e-5)


@pytest.mark.parametrize("params", [{"c": 0}, {"doubt": 0}, {"max_iter": 0}])
def test_values_that_cannot_be(params):
    with pytest.raises(BadParams, match="head 'laplace'"):
        Laplace(**params)
