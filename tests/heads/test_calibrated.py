"""A head whose probabilities are made to mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brute
from sklearn.metrics import log_loss

from alframe.errors import BadParams, UnmetNeed
from alframe.heads import calibrated
from alframe.heads.calibrated import Calibrated
from alframe.heads.fitting import softmax
from alframe.heads.linear import Linear
from alframe.testing.head import HeadSuite, separable_clusters
from alframe.types import FitContext

SURE = {"name": "linear", "c": 10.0}  # hardly any penalty: far too sure of itself


class TestCalibrated(HeadSuite):
    make = Calibrated


class TestCalibratedDraws(HeadSuite):
    def make(self):
        return Calibrated(of={"name": "laplace"}, folds=3)


def fitted(head, x, y, classes):
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


def doubtful(rows, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=rows)
    return (np.eye(3, 30)[y] * 1.5 + rng.normal(size=(rows, 30))).astype(np.float32), y


def test_what_is_too_sure_becomes_right_about_itself_and_no_class_changes():
    x, y = doubtful(100)
    new, truth = doubtful(3000, seed=1)
    before = fitted(Linear(c=10.0), x, y, 3).probs(new)
    after = fitted(Calibrated(of=SURE), x, y, 3).probs(new)
    accuracy = (after.argmax(axis=1) == truth).mean()
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    assert before.max(axis=1).mean() - accuracy > 0.15
    assert abs(after.max(axis=1).mean() - accuracy) < 0.06
    assert log_loss(truth, after) < log_loss(truth, before) - 0.2


def test_the_temperature_is_the_one_of_least_loss():
    rng = np.random.default_rng(0)
    logits = 4 * rng.normal(size=(400, 5))
    true = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(5, p=row) for row in true])

    def loss(temperature):
        return -np.log(softmax(logits / temperature[0])[np.arange(400), y]).mean()

    best = brute(loss, ((0.2, 8),), Ns=400)[0]
    assert calibrated._fit_temperature_to_probs(softmax(logits), y) == pytest.approx(best, rel=0.02)
    assert best == pytest.approx(2.5, rel=0.15)


def test_nobody_learns_from_what_he_is_measured_on(monkeypatch):
    seen = []
    x, y = doubtful(40)
    fit, probs = Linear.fit, Linear.probs
    monkeypatch.setattr(Linear, "fit", lambda s, x, *rest: (seen.append(x), fit(s, x, *rest))[1])

    def measured(head, rows):
        known = {row.tobytes() for row in seen[-1]}
        assert not any(row.tobytes() in known for row in rows)
        return probs(head, rows)

    monkeypatch.setattr(Linear, "probs", measured)
    fitted(Calibrated(), x, y, 3)
    assert len(seen) == 6
    assert len(seen[-1]) == 40


def test_a_class_of_one_does_not_decide_the_temperature():
    x, y = doubtful(60)
    alone = np.r_[y, 3]
    more = np.concatenate([x, np.full((1, 30), 5, np.float32)])
    without, with_it = fitted(Calibrated(of=SURE), x, y, 4), fitted(Calibrated(of=SURE), more, alone, 4)
    assert with_it.state()["temperature"].item() == pytest.approx(without.state()["temperature"].item(), rel=0.5)


@pytest.mark.parametrize("y", [[0, 1, 2], [1, 1, 1]])
def test_nothing_to_measure_on(y):
    x, _ = doubtful(3)
    assert fitted(Calibrated(), x, np.array(y), 3).state()["temperature"] == 1


def test_all_right_is_not_certain():
    x, y = separable_clusters()
    probs = fitted(Calibrated(), x, y, 3).probs(x)
    assert 0.9 < probs.max(axis=1).mean() < 1 - 1e-4


def test_it_is_as_stochastic_and_has_the_activations_of_the_head_it_calibrates():
    x, y = doubtful(40)
    assert not Calibrated().stochastic
    assert not hasattr(Calibrated(), "hidden_activations")
    assert not getattr(Calibrated, "stochastic", False), "else it would be recommended to whoever needs draws"
    with pytest.raises(UnmetNeed):
        fitted(Calibrated(), x, y, 3).prob_samples(x, 2, np.random.default_rng(0))
    head = fitted(Calibrated(of={"name": "mlp", "hidden": [7]}, folds=2), x, y, 3)
    assert head.stochastic
    assert head.hidden_activations(x).shape == (40, 7)


@pytest.mark.parametrize("params", [{"folds": 1}, {"of": {}}])
def test_values_that_cannot_be(params):
    with pytest.raises(BadParams, match="head 'calibrated'"):
        Calibrated(**params)


def test_it_is_careful_about_images_of_other_bursts():
    def images(bursts, seed):
        rng = np.random.default_rng(seed)
        y = rng.integers(3, size=bursts)
        centres = 1.5 * np.eye(3, 30)[y] + rng.normal(size=(bursts, 30))
        x = np.repeat(centres, 5, axis=0) + 0.1 * rng.normal(size=(5 * bursts, 30))
        return x.astype(np.float32), np.repeat(y, 5), np.repeat(np.arange(bursts), 5)

    (x, y, bursts), (new, truth, _) = images(80, 0), images(1000, 1)
    surplus = []
    for groups in (bursts, np.arange(len(y))):
        head = Calibrated()
        head.fit_with_context(x, y, 3, np.random.default_rng(0), FitContext(np.ones(len(y), bool), groups))
        probs = head.probs(new)
        surplus.append(float((probs.max(axis=1) - (probs.argmax(axis=1) == truth)).mean()))
    assert abs(surplus[0]) < 0.08, surplus
    assert surplus[1] > 0.15, surplus
