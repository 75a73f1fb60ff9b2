"""Heads that measure how sure they may be, on embeddings that know some of the labels: only the others count."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.builtins import REGISTRIES
from alframe.contracts import UsesFitContext
from alframe.engine.checked_head import CheckedHead
from alframe.engine.measuring.evaluate import calibration_error
from alframe.kit.composite import fit_head
from alframe.types import FitContext

SURE = {"name": "linear", "c": 10.0}
HEADS = {
    "prototype": {"name": "prototype"},
    "knn": {"name": "knn", "k": 60},
    "calibrated": {"name": "calibrated", "of": SURE},
    "calibrated, of a prototype": {"name": "calibrated", "of": {"name": "prototype"}},
    "ensemble of prototypes": {"name": "ensemble", "member": {"name": "prototype"}, "bootstrap": True},
}


DIM, SEEN = 200, 110


def raw_examples(rows, seed):
    """Three classes that are hard to tell, in many dimensions."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=rows)
    return np.eye(3, DIM)[y] * 2.2 + rng.normal(size=(rows, DIM)), y


def examples(rows, seed):
    """Their embeddings by a network that has learned SEEN labels by heart: the first ones of seed 0."""
    x, y = raw_examples(SEEN, 0)
    learned, *_ = np.linalg.lstsq(x, np.eye(3)[y], rcond=None)
    x, y = raw_examples(max(rows, SEEN), seed)
    return (x @ np.hstack([learned, 0.01 * np.eye(DIM, 12)])).astype(np.float32)[:rows], y[:rows]


def error_on_the_pool(head):
    x, truth = examples(3000, seed=1)
    probs = head.probs(x)
    return calibration_error(probs.max(axis=1), probs.argmax(axis=1) == truth)


def labelled():
    """What was learned by heart, and 40 more."""
    (x, y), (more, classes) = examples(SEEN, seed=0), examples(40, seed=3)
    return np.concatenate([x, more]), np.concatenate([y, classes])


def fitted(recipe, unseen):
    x, y = labelled()
    head = CheckedHead(REGISTRIES["head"].build(recipe), recipe)
    assert isinstance(head, UsesFitContext)
    fit_head(head, x, y, 3, np.random.default_rng(0), FitContext(unseen, np.arange(150)))
    return head


@pytest.mark.parametrize("name", HEADS)
def test_what_is_measured_on_labels_that_fine_tuning_has_not_used_is_true(name):
    right, leaking = fitted(HEADS[name], np.arange(150) >= SEEN), fitted(HEADS[name], np.ones(150, bool))
    errors = error_on_the_pool(right), error_on_the_pool(leaking)
    assert errors[0] < errors[1] - 0.04, errors


def test_without_such_labels_it_goes_by_its_defaults():
    x, _ = examples(500, seed=2)
    nothing = {name: fitted(HEADS[name], np.zeros(150, bool)).probs(x) for name in HEADS}
    plain = REGISTRIES["head"].build(SURE)
    plain.fit(*labelled(), 3, np.random.default_rng(0))
    np.testing.assert_allclose(nothing["calibrated"], plain.probs(x), atol=1e-5)
    np.testing.assert_allclose(nothing["calibrated, of a prototype"], nothing["prototype"], atol=1e-5)
    for name in ("prototype", "knn", "ensemble of prototypes"):
        leaking = fitted(HEADS[name], np.ones(150, bool)).probs(x)
        assert nothing[name].max(axis=1).mean() < leaking.max(axis=1).mean() + 1e-6


def test_a_head_that_measures_nothing_is_fitted_as_ever():
    x, y = labelled()
    for recipe in (SURE, {"name": "ensemble", "member": {"name": "mlp", "epochs": 5}, "members": 2}):
        heads = [CheckedHead(REGISTRIES["head"].build(recipe), recipe) for _ in range(2)]
        assert not isinstance(heads[0], UsesFitContext)
        fit_head(heads[0], x, y, 3, np.random.default_rng(0), FitContext(np.zeros(150, bool), np.arange(150)))
        heads[1].fit(x, y, 3, np.random.default_rng(0))
        np.testing.assert_array_equal(heads[0].probs(x), heads[1].probs(x))
