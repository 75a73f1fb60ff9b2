"""The linear probe."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from alframe.engine.checked_head import CheckedHead
from alframe.errors import AlframeError, BadParams
from alframe.heads import fitting, linear
from alframe.heads.linear import Linear
from alframe.testing.head import HeadSuite, separable_clusters


class TestLinear(HeadSuite):
    make = Linear


def fitted(x, y, classes, **params):
    head = Linear(**params)
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


@pytest.mark.parametrize("classes", [2, 10])
def test_the_same_probabilities_as_scikit_learn(classes):
    x, y = load_digits(n_class=classes, return_X_y=True)
    x = x.astype(np.float32)
    variance = x[:200].var(axis=0)
    scaler = FunctionTransformer(lambda z: (z - x[:200].mean(axis=0)) / np.sqrt(variance + variance.mean()))
    constant = FunctionTransformer(lambda z: np.column_stack([z, np.full(len(z), linear.CONSTANT_FEATURE)]))
    probe = LogisticRegression(C=0.1, max_iter=1000, fit_intercept=False)
    reference = make_pipeline(scaler, constant, probe).fit(x[:200], y[:200])
    head = fitted(x[:200], y[:200], classes)
    np.testing.assert_allclose(head.probs(x[200:]), reference.predict_proba(x[200:]), atol=2e-4)


def test_the_pool_goes_through_in_parts(monkeypatch):
    x, y = separable_clusters()
    head = fitted(x, y, 3)
    whole = head.probs(x)
    monkeypatch.setattr("alframe.chunks.ROWS", 5)
    np.testing.assert_allclose(head.probs(x), whole, atol=1e-6)


def test_stopping_short_is_said(caplog):
    fitted(*separable_clusters(), 3, c=100.0, max_iter=2)
    assert "head.max_iter=2" in caplog.text


def test_softmax_of_large_and_impossible_logits():
    np.testing.assert_allclose(fitting.softmax(np.float32([[1e4, 1e4, -np.inf]])), [[0.5, 0.5, 0]])


def test_no_examples_or_broken_ones_are_refused():
    x, y = separable_clusters()
    with pytest.raises(AlframeError, match="no labelled images"):
        fitted(x[:0], y[:0], 3)
    x[4, 2] = np.nan  # which no embedding in the store has
    broken = CheckedHead(fitted(x, y, 3), {"name": "linear"})
    with pytest.raises(AlframeError, match=r"head 'linear' \(alframe .*for 36 of 36 rows"):
        broken.probs(x)


def test_a_penalty_must_be_positive():
    with pytest.raises(BadParams, match="c=0"):
        Linear(c=0)


def test_a_feature_that_hardly_varies_among_the_labels_is_not_blown_up():
    rng = np.random.default_rng(0)
    x, y = separable_clusters()
    quiet = np.concatenate([x, rng.normal(0, 1e-3, (len(x), 1)).astype(np.float32)], axis=1)
    head = fitted(quiet, y, 3)
    loud = quiet.copy()
    loud[:, -1] = rng.normal(0, 1, len(x))
    assert (head.probs(loud).argmax(axis=1) == y).mean() > 0.95


def test_what_is_rare_among_the_labels_is_still_recognised():
    x, y = load_digits(return_X_y=True)
    rows = [np.flatnonzero(y == label)[: 40 if label == 3 else 3] for label in range(10)]
    few, x = np.concatenate(rows), x.astype(np.float32)
    mine = fitted(x[few], y[few], 10).probs(x).argmax(axis=1)
    scaled, mean, scale, _, _ = fitting.scale_examples(x[few], y[few])
    plain = LogisticRegression(C=0.1, max_iter=1000).fit(scaled, y[few])  # its intercept is free
    assert (mine == y).mean() > plain.score((x - mean) / scale, y) + 0.02


def test_a_class_that_is_nearly_all_there_is_stays_likely():
    rng = np.random.default_rng(0)
    y = (rng.random(1000) < 0.05).astype(np.int64)
    x = rng.normal(size=(1000, 200)).astype(np.float32) + 0.3 * y[:, None] * (np.arange(200) < 40).astype(np.float32)
    head = fitted(x[:400], y[:400], 2)
    assert (head.probs(x[400:]).argmax(axis=1) == y[400:]).mean() > 0.9


def long_tail(seed: int, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    centres = np.random.default_rng(9).normal(size=(len(counts), 60)) * 0.35
    return (centres[y] + rng.normal(size=(len(y), 60))).astype(np.float32), y


@pytest.mark.parametrize("params", [{"class_weight": "balanced"}, {"logit_adjustment": 1.0}])
def test_rare_classes_can_count_as_much(params):
    x, y = long_tail(0, (120, 30, 8, 4))
    new, truth = long_tail(1, (500,) * 4)
    plain, fair = (fitted(x, y, 4, **each).probs(new).argmax(axis=1) for each in ({}, params))
    rare = truth >= 2
    assert (fair == truth)[rare].mean() > (plain == truth)[rare].mean() + 0.05
    assert (fair == truth).mean() > (plain == truth).mean()


def test_balanced_is_scikit_learns():
    x, y = long_tail(0, (60, 20, 10))
    head = fitted(x, y, 3, class_weight="balanced")
    constant = np.full((len(x), 1), linear.CONSTANT_FEATURE)
    probe = LogisticRegression(C=0.1, max_iter=1000, fit_intercept=False, class_weight="balanced")
    scaled = np.hstack([head.scale_features(x), constant])
    np.testing.assert_allclose(head.probs(x), probe.fit(scaled, y).predict_proba(scaled), atol=2e-4)


def test_classes_of_one_size_need_no_adjustment():
    x, y = long_tail(0, (30, 30, 30))
    for params in ({"class_weight": "balanced"}, {"logit_adjustment": 1.0}):
        np.testing.assert_allclose(fitted(x, y, 3, **params).probs(x), fitted(x, y, 3).probs(x), atol=1e-4)


@pytest.mark.parametrize("params", [{"class_weight": "equal"}, {"logit_adjustment": -1.0}])
def test_options_that_cannot_be(params):
    with pytest.raises(BadParams, match="head 'linear'"):
        Linear(**params)
