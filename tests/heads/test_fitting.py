"""Fewer numbers for each image, and several regressions at once: the models are the same."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.heads.fitting import reduce_rows, softmax
from alframe.heads.linear import fit_logistic_regressions
from alframe.heads.prototype import Falloff, fit_prototypes
from alframe.kit.composite import build_part, fit_head
from alframe.types import FitContext


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
        [of_all[0] for of_all in fit_logistic_regressions(each, targets[None], 0.1, 1000, "linear", tolerance=1e-6)]
        for each in (x, reduced.rows)
    )
    np.testing.assert_allclose(softmax(x @ reduced.expand(same).T + same_bias), softmax(x @ weight.T + bias), atol=1e-4)
    new, _ = examples(50, 60)
    np.testing.assert_allclose(new @ reduced.expand(same).T, new @ weight.T, atol=5e-3)
    unseen = np.ones(rows, bool)
    once = np.ones(rows, np.float32)
    weight, bias, falloff = fit_prototypes(x, y, 0.9, 60, unseen, once)
    same, same_bias, same_falloff = fit_prototypes(reduced.rows, y, 0.9, 60, unseen, once)
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
        alone, its_bias = fit_logistic_regressions(
            x[rows], target[None, rows], 0.1, 1000, "linear", offset[None], tolerance=1e-6
        )
        np.testing.assert_allclose(softmax(x @ weight.T + bias), softmax(x @ alone[0].T + its_bias[0]), atol=2e-4)


def test_class_means_and_their_covariance_take_a_row_of_weight_two_as_two_rows() -> None:
    x, y = examples(30, 8)
    weights = np.random.default_rng(0).integers(1, 4, 30)
    rows = np.repeat(np.arange(30), weights)
    falloff = Falloff(sharpness=3.0, prior_weight=0.5, mean_noise=0.1)
    weighted = fit_prototypes(x, y, 0.5, 8, np.ones(30, bool), weights.astype(np.float32), falloff)
    repeated = fit_prototypes(
        x[rows], y[rows], 0.5, 8, np.ones(len(rows), bool), np.ones(len(rows), np.float32), falloff
    )
    np.testing.assert_allclose(weighted[0], repeated[0], atol=1e-4)
    np.testing.assert_allclose(weighted[1], repeated[1], atol=1e-4)
    plain = fit_prototypes(x, y, 0.5, 8, np.ones(30, bool), np.ones(30, np.float32), falloff)
    assert np.abs(plain[0] - repeated[0]).max() > 1e-2, "the test can tell nothing"


def test_an_example_of_weight_zero_is_absent() -> None:
    x, y = examples(30, 8)
    weights = np.where(np.arange(30) % 3 == 0, 0, 2).astype(np.float32)
    kept, unknown = weights > 0, FitContext.unknown(30)
    for name in ("auto", "prototype", "linear", "laplace", "mlp"):
        first, second = (build_part("head", {"name": name}) for _ in range(2))
        fit_head(first, x, y, 4, np.random.default_rng(0), unknown, weights)
        second.fit_weighted(x[kept], y[kept], 4, np.random.default_rng(0), weights[kept])
        np.testing.assert_array_equal(first.probs(x), second.probs(x))


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [np.nan, 1.0], [0.0, 0.0]])
def test_weights_that_mean_nothing_are_refused(weights: list[float]) -> None:
    x, y, unknown = np.eye(2, dtype=np.float32), np.arange(2), FitContext.unknown(2)
    with pytest.raises(BadParams, match="at least 0"):
        fit_head(build_part("head", {"name": "linear"}), x, y, 2, np.random.default_rng(0), unknown, np.array(weights))
