"""DropQuery."""

from __future__ import annotations

import numpy as np
import pytest
import skactiveml.classifier
import skactiveml.pool
from sklearn.linear_model import LogisticRegression

from alframe.errors import BadParams
from alframe.samplers.drop_query import DropQuery, count_class_changes
from alframe.testing.sampler import SamplerSuite, tiny_fields, tiny_keys, tiny_predict
from alframe.types import Need, PoolView

DIM = 8


class TestDropQuery(SamplerSuite):
    make = DropQuery

    def obvious_choice(self):
        x = np.tile(np.array([9.0, 0, 0, 0, 0, 0, 0, 0], np.float32), (12, 1))  # nothing to drop: no change
        x[5] = 0.5
        return PoolView(tiny_keys(12), {Need.FEATURES: x}, first_against_the_rest), int(tiny_keys(12)[5])


def first_against_the_rest(x):
    """Class 1 when the other numbers add up to more than the first."""
    rest = np.asarray(x)[:, 1:].sum(axis=1) > np.asarray(x)[:, 0] + 0.1
    return np.stack([~rest, rest], axis=1).astype(np.float32)


def unsure_rows(n, dim=40, seed=0):
    """Embeddings of which every third is on the brink: what is dropped may turn it; nothing turns the others."""
    x = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    x[:, 0] = 0
    steady = np.arange(n) % 3 > 0
    x[steady] = -np.abs(x[steady])
    return x


@pytest.mark.parametrize("dropout", [0.3, 0.75])
def test_what_the_head_sees_in_a_pass(dropout):
    seen = []

    def predict(x):
        seen.append(np.array(x))
        return np.zeros((len(x), 2), np.float32)

    x = np.random.default_rng(0).normal(size=(500, 40)).astype(np.float32)
    assert (count_class_changes(x, predict, 3, dropout, np.random.default_rng(0)) == 0).all()
    whole, *passes = seen
    assert (whole == x).all() and len(passes) == 3
    for one in passes:
        kept = one != 0
        assert kept.mean() == pytest.approx(1 - dropout, abs=0.01)
        np.testing.assert_allclose(one[kept], (x / np.float32(1 - dropout))[kept], rtol=1e-6)
    assert (passes[0] != passes[1]).any(), "the same numbers in every pass"


def test_changes_are_counted_by_image():
    script = iter([[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 1]])

    def predict(x):
        return np.eye(2, dtype=np.float32)[next(script)]

    counts = count_class_changes(np.ones((4, DIM), np.float32), predict, 3, 0.75, np.random.default_rng(0))
    assert counts.tolist() == [0, 2, 3, 0]


def test_only_changed_images_are_asked_for_while_there_are_enough():
    x = unsure_rows(300)
    flips = count_class_changes(x, first_against_the_rest, 3, 0.75, np.random.default_rng(0))
    assert (flips[::3] >= 2).sum() > 20
    view = PoolView(np.arange(300), {Need.FEATURES: x}, first_against_the_rest)
    chosen = DropQuery().select(view, 12, np.random.default_rng(0)).keys
    assert (flips[chosen] >= 2).all() and (chosen % 3 == 0).all()


def test_too_few_changed_images_are_all_asked_for():
    x = unsure_rows(30)
    flips = count_class_changes(x, first_against_the_rest, 3, 0.75, np.random.default_rng(0))
    view = PoolView(np.arange(30), {Need.FEATURES: x}, first_against_the_rest)
    chosen = DropQuery().select(view, 25, np.random.default_rng(0))
    assert set(np.flatnonzero(flips)) <= set(chosen.keys.tolist()) and len(set(chosen.keys.tolist())) == 25
    np.testing.assert_allclose(chosen.scores, np.sort(flips / 3)[::-1][:25])


def test_one_of_each_cluster_the_nearest_to_its_middle():
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(2), 50))
    centres = 20 * rng.normal(size=(2, DIM))
    x = (centres[group] + rng.normal(size=(100, DIM))).astype(np.float32)

    def fickle(part):  # never the same class twice: all images are candidates
        fickle.calls += 1
        return np.tile(np.eye(4, dtype=np.float32)[fickle.calls % 4], (len(part), 1))

    fickle.calls = 0
    chosen = DropQuery().select(PoolView(np.arange(100), {Need.FEATURES: x}, fickle), 2, np.random.default_rng(0)).keys
    assert sorted(group[chosen]) == [0, 1]
    for row in chosen:
        mine = np.flatnonzero(group == group[row])
        nearest = mine[np.linalg.norm(x[mine] - x[mine].mean(axis=0), axis=1).argmin()]
        assert row == nearest


def test_large_pools_go_through_in_parts(monkeypatch):
    monkeypatch.setattr("alframe.chunks.ROWS", 7)
    sizes = []

    def predict(x):
        sizes.append(len(x))
        return tiny_predict()(x)

    fields = tiny_fields({Need.FEATURES}, n=30)
    DropQuery().select(PoolView(tiny_keys(30), fields, predict), 3, np.random.default_rng(0))
    assert sizes == [7] * 16 + [2] * 4


@pytest.mark.parametrize("bad", [{"passes": 0}, {"rows": 0}, {"dropout": 0.0}, {"dropout": 1.0}])
def test_parameters_that_cannot_be(bad):
    with pytest.raises(BadParams, match=f"drop_query.*{next(iter(bad))}"):
        DropQuery(**bad)


def test_the_same_candidates_as_scikit_activeml():
    """The masks are drawn otherwise; in very many passes, what changes in most of them is the same."""
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(160, 12)), rng.integers(0, 3, 160).astype(float)
    head = skactiveml.classifier.SklearnClassifier(LogisticRegression(fit_intercept=False), classes=[0, 1, 2])
    head.fit(x, y)
    y[10:] = np.nan
    pool = x[10:].astype(np.float32)
    passes = 400
    part = count_class_changes(pool, head.predict_proba, passes, 0.75, np.random.default_rng(0)) / passes
    theirs = skactiveml.pool.DropQuery(dropout_rate=0.75, n_dropout_samples=passes, random_state=0)
    _, utilities = theirs.query(x, y, clf=head, fit_clf=False, batch_size=3, return_utilities=True)
    candidates = np.isfinite(utilities[0, 10:])
    clear = np.abs(part - 0.5) > 0.12  # five standard deviations of the difference of two such parts, or more
    assert 10 < (clear & candidates).sum() < clear.sum() - 10
    np.testing.assert_array_equal(candidates[clear], part[clear] > 0.5)
