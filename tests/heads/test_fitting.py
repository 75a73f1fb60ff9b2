"""Fewer numbers for each image, and several regressions at once: the models are the same."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.heads.fitting import reduce_rows, softmax
from alframe.heads.linear import fit_logistic_regression, fit_logistic_regressions
from alframe.heads.prototype import fit_prototypes


def examples(rows: int, dim: int, classes: int = 4):
    rng = np.random.default_rng(0)
    y = np.arange(rows) % classes
    return (rng.normal(size=(rows, dim)) + 2 * np.eye(classes, dim)[y]).astype(np.float32), y


@pytest.mark.parametrize("rows", [30, 80])  # fewer than features, and more
def test_reduced_rows_have_the_same_products_and_give_the_same_models(rows: int) -> None:
    x, y = examples(rows, 60)
    reduced = reduce_rows(x)
    assert reduced.rows.shape == (rows, min(rows, 60))
    np.testing.assert_allclose(reduced.rows @ reduced.rows.T, x @ x.T, atol=1e-3)
    targets = np.eye(4, dtype=np.float32)[y]
    (weight, bias), (same, same_bias) = (
        fit_logistic_regression(each, targets, 0.1, 1000, "linear", tolerance=1e-6) for each in (x, reduced.rows)
    )
    np.testing.assert_allclose(softmax(x @ reduced.expand(same).T + same_bias), softmax(x @ weight.T + bias), atol=1e-4)
    new, _ = examples(50, 60)
    np.testing.assert_allclose(new @ reduced.expand(same).T, new @ weight.T, atol=5e-3)
    unseen = np.ones(rows, bool)
    weight, bias, falloff = fit_prototypes(x, y, 0.9, 60, unseen)
    same, same_bias, same_falloff = fit_prototypes(reduced.rows, y, 0.9, 60, unseen)
    np.testing.assert_allclose(new @ reduced.expand(same).T + same_bias, new @ weight.T + bias, atol=2e-2)
    assert same_falloff.sharpness == pytest.approx(falloff.sharpness, rel=1e-3)


def test_equal_rows_and_rows_of_zeros_can_be_reduced() -> None:
    x, _ = examples(6, 20)
    x[3:5], x[5] = x[0], 0
    reduced = reduce_rows(x)
    np.testing.assert_allclose(reduced.rows @ reduced.rows.T, x @ x.T, atol=1e-3)
    assert np.isfinite(reduced.expand(reduced.rows)).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_regressions_fitted_at_once_are_those_fitted_alone(classes: int) -> None:
    x, y = examples(40, 10, classes)
    targets = np.stack([np.eye(classes, dtype=np.float32)[y]] * 3)
    targets[1, ::4] = 0
    targets[2] *= np.linspace(0.5, 2, 40, dtype=np.float32)[:, None]
    offsets = np.arange(3 * classes, dtype=np.float32).reshape(3, classes) / 10
    weights, biases = fit_logistic_regressions(x, targets, 0.1, 1000, "linear", offsets, tolerance=1e-6)
    kept = [np.arange(40), np.flatnonzero(targets[1].any(axis=1)), np.arange(40)]
    for weight, bias, target, offset, rows in zip(weights, biases, targets, offsets, kept, strict=True):
        alone = fit_logistic_regression(x[rows], target[rows], 0.1, 1000, "linear", offset, tolerance=1e-6)
        np.testing.assert_allclose(softmax(x @ weight.T + bias), softmax(x @ alone[0].T + alone[1]), atol=2e-4)
