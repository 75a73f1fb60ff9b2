"""BADGE against gradients that are really made."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import skactiveml.classifier
import skactiveml.pool
from sklearn.linear_model import LogisticRegression

from alframe.samplers import badge
from alframe.samplers.badge import Badge, LastLayerGradients, kmeans_plus_plus
from alframe.testing.sampler import SamplerSuite
from alframe.types import Need, PoolView


class TestBadge(SamplerSuite):
    make = Badge


def case(n, classes=4, dim=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(classes), n).astype(np.float32), rng.normal(size=(n, dim)).astype(np.float32)


def made(probs, x):
    """(n, C D): the gradients of the cross-entropy of the likeliest class by the last layer's weights, by torch."""
    import torch

    out = []
    for p, h in zip(probs, x, strict=True):
        weight = torch.zeros(len(p), len(h), dtype=torch.float64, requires_grad=True)
        scores = weight @ torch.from_numpy(h.astype(np.float64)) + torch.from_numpy(p.astype(np.float64)).log()
        torch.nn.functional.cross_entropy(scores[None], torch.tensor([int(p.argmax())])).backward()
        out.append(weight.grad.numpy().ravel())
    return np.array(out)


def view_of(probs, x, keys=None):
    return PoolView(np.arange(len(x)) if keys is None else keys, {Need.PROBS: probs, Need.FEATURES: x})


@pytest.mark.parametrize("rows", [3, 2048])
def test_lengths_and_distances_are_those_of_the_gradients(monkeypatch, rows):
    monkeypatch.setattr(badge, "CHUNK_ROWS", rows)
    probs, x = case(20)
    whole, factored = made(probs, x), LastLayerGradients(probs, x)
    np.testing.assert_allclose(factored.squared_norms, (whole**2).sum(axis=1), rtol=1e-5)
    expected = ((whole[:, None] - whole[[3, 7, 12]]) ** 2).sum(axis=2)
    distances = factored.squared_distances(np.arange(20), np.array([3, 7, 12]))
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("proposals", [1, 16])
def test_it_is_kmeans_plus_plus_in_law(monkeypatch, proposals):
    """All triples of six rows, against their chances: the bounds and rejections must not show."""
    monkeypatch.setattr(badge, "PROPOSALS", proposals)
    probs, x = case(6, seed=2)
    gradients, whole = LastLayerGradients(probs, x), made(probs, x)
    squares = ((whole[:, None] - whole) ** 2).sum(axis=2)
    first = int((whole**2).sum(axis=1).argmax())
    rng, times = np.random.default_rng(0), 3000
    seen = [tuple(kmeans_plus_plus(gradients, 3, rng).tolist()) for _ in range(times)]
    for second, third in permutations([row for row in range(6) if row != first], 2):
        near = np.minimum(squares[:, first], squares[:, second])
        chance = squares[second, first] / squares[:, first].sum() * near[third] / near.sum()
        share = seen.count((first, second, third)) / times
        assert share == pytest.approx(chance, abs=4 * np.sqrt(chance / times) + 2e-3)


def test_a_choice_of_many_covers_what_a_textbook_loop_covers():
    """As in law above, for batches in which most bounds are old: the sum of the squares that are left."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(12, 5)) * 4
    x = (centres[rng.integers(0, 12, 400)] + rng.normal(size=(400, 5))).astype(np.float32)
    probs = rng.dirichlet(np.ones(3), 400).astype(np.float32)
    gradients, whole = LastLayerGradients(probs, x), made(probs, x)
    squares = ((whole[:, None] - whole) ** 2).sum(axis=2)

    def textbook(rng):
        rows = [int((whole**2).sum(axis=1).argmax())]
        while len(rows) < 40:
            near = squares[:, rows].min(axis=1)
            rows.append(int(rng.choice(400, p=near / near.sum())))
        return rows

    left = [
        [squares[:, choose(rng)].min(axis=1).sum() for _ in range(30)]
        for choose in (textbook, lambda rng: kmeans_plus_plus(gradients, 40, rng))
    ]
    assert np.mean(left[1]) == pytest.approx(np.mean(left[0]), rel=0.06)


def test_copies_are_never_drawn_while_there_is_something_else():
    probs, x = case(10, seed=3)
    view = view_of(np.tile(probs, (8, 1)), np.tile(x, (8, 1)))
    for seed in range(20):
        chosen = Badge().select(view, 10, np.random.default_rng(seed)).keys
        assert sorted(chosen % 10) == list(range(10))


def test_copies_of_what_is_chosen_are_soon_passed_over(monkeypatch):
    """A third of the pool is copies of one image: none is taken, nor each drawn once to find that out."""
    probs, x = case(6, seed=4)
    copies = np.concatenate([np.repeat(np.arange(3), 3000), np.arange(3, 6)])
    measured = []
    real = badge._update_bounds
    monkeypatch.setattr(badge, "_update_bounds", lambda *args: measured.append(1) or real(*args))
    chosen = Badge().select(view_of(probs[copies], x[copies]), 6, np.random.default_rng(0)).keys
    assert sorted(copies[chosen]) == list(range(6))
    assert len(measured) < 6 * badge.MAX_REJECTIONS


def test_nothing_but_copies_and_certain_images_still_gives_distinct_ids():
    sure = np.tile(np.eye(3, dtype=np.float32)[0], (30, 1))
    x = np.ones((30, 4), np.float32)
    for probs in (sure, np.full((30, 3), 1 / 3, np.float32)):
        first = [Badge().select(view_of(probs, x), 30, np.random.default_rng(seed)).keys.tolist() for seed in range(2)]
        assert sorted(first[0]) == list(range(30)) and first[0] != first[1]


def test_the_doubtful_far_and_unlike_are_wanted():
    rng = np.random.default_rng(0)
    probs = np.tile(np.array([0.98, 0.01, 0.01], np.float32), (500, 1))
    x = rng.normal(size=(500, 8)).astype(np.float32)
    probs[[100, 200]] = [[0.4, 0.6, 0], [0.4, 0, 0.6]]
    x[100] = x[200] = 30
    for seed in range(10):
        chosen = Badge().select(view_of(probs, x), 3, np.random.default_rng(seed)).keys.tolist()
        assert {100, 200} <= set(chosen), "one of the certain, whose gradients are near zero, stands for them all"


def test_the_same_gradients_as_scikit_activeml():
    """Theirs also counts the origin as chosen, which the authors' code does not; beside that, the same law."""
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(40, 6)), rng.integers(0, 3, 40).astype(float)
    head = skactiveml.classifier.SklearnClassifier(LogisticRegression(), classes=[0, 1, 2]).fit(x, y)
    y[10:] = np.nan
    chosen, utilities = skactiveml.pool.Badge(random_state=0).query(
        x, y, clf=head, fit_clf=False, batch_size=2, return_utilities=True
    )
    probs, pool, first = head.predict_proba(x[10:]).astype(np.float32), x[10:].astype(np.float32), chosen[0] - 10
    assert Badge().select(view_of(probs, pool), 2, np.random.default_rng(0)).keys[0] == first
    gradients = LastLayerGradients(probs, pool)
    nearest = np.minimum(gradients.squared_norms, gradients.squared_distances(np.arange(30), np.array([first]))[:, 0])
    np.testing.assert_allclose(nearest / nearest.sum(), np.nan_to_num(utilities[1, 10:]), atol=1e-6)
