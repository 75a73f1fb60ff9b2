"""Several heads that were each trained anew."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from alframe.errors import BadParams, UnknownComponent
from alframe.heads import ensemble
from alframe.heads.ensemble import Ensemble
from alframe.heads.linear import Linear
from alframe.testing.head import HeadSuite, separable_clusters

FAST = {"name": "mlp", "hidden": [20]}
LINEAR = {"name": "linear"}


class TestEnsemble(HeadSuite):
    def make(self):
        return Ensemble(member=FAST)


class TestBootstrap(HeadSuite):
    def make(self):
        return Ensemble(member=LINEAR, bootstrap=True)


def fitted(head, x, y, classes):
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


def test_the_prediction_is_the_mean_of_the_members_and_every_draw_is_one():
    x, y = load_digits(return_X_y=True)
    head = fitted(Ensemble(member=FAST, members=3), x[:60].astype(np.float32), y[:60], 10)
    new = x[100:150].astype(np.float32)
    samples = head.prob_samples(new, 9, np.random.default_rng(0))
    np.testing.assert_allclose(samples.mean(axis=0), head.probs(new), atol=1e-6)
    members, times = np.unique(samples.reshape(9, -1), axis=0, return_counts=True)
    assert times.tolist() == [3, 3, 3]
    assert not np.array_equal(members[0], members[1])


def test_members_that_would_all_be_the_same_are_refused():
    with pytest.raises(BadParams, match=r"'linear' is not random. Set head.bootstrap=true"):
        fitted(Ensemble(member=LINEAR), *separable_clusters(), classes=3)


def test_a_member_nobody_knows():
    with pytest.raises(UnknownComponent, match="Did you mean 'linear'"):
        fitted(Ensemble(member={"name": "linaer"}), *separable_clusters(), classes=3)


def test_a_bootstrap_keeps_every_class_as_large_as_it_is():
    y = np.array([4] * 30 + [0] + [2] * 5)
    rows = ensemble._bootstrap_rows(y, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(y[rows]), np.bincount(y))
    assert len(set(rows.tolist())) < len(rows)


def test_an_ensemble_of_ensembles_is_stored_and_read():
    x, y = separable_clusters()
    inner = {"name": "ensemble", "member": LINEAR, "bootstrap": True, "members": 2}
    head, again = fitted(Ensemble(member=inner), x, y, 3), Ensemble(member=inner)
    again.load(head.state())
    np.testing.assert_array_equal(again.probs(x), head.probs(x))


def test_a_hundred_members_come_back_in_order():
    x, y = separable_clusters(per_class=2)
    head, again = (Ensemble(member=LINEAR, members=12, bootstrap=True) for _ in range(2))
    again.load(fitted(head, x, y, 3).state())
    for mine, theirs in zip(head._heads, again._heads, strict=True):
        assert isinstance(mine, Linear)
        np.testing.assert_array_equal(mine.probs(x), theirs.probs(x))


@pytest.mark.parametrize("params", [{"members": 1}, {"member": {"dropout": 0.1}}])
def test_values_that_cannot_be(params):
    with pytest.raises(BadParams, match="head 'ensemble'"):
        Ensemble(**params)
