"""Adaptive: from covering the pool to what the head doubts, without near-copies."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams
from alframe.samplers.adaptive import Adaptive, estimate_unseen_fraction
from alframe.samplers.objectives import OBJECTIVES
from alframe.testing.sampler import SamplerSuite
from alframe.types import Need, PoolView


class TestAdaptive(SamplerSuite):
    make = Adaptive


class TestAdaptiveMacro(SamplerSuite):
    def make(self):
        return Adaptive(objective="macro")


def sure(lead):
    """(n, 2) probabilities of which the likeliest leads by so much."""
    lead = np.asarray(lead, np.float32)
    return np.stack([(1 + lead) / 2, (1 - lead) / 2], axis=1)


def heaps(count, size, dim=30, seed=0):
    """Embeddings in `count` tight heaps of `size`, and the heap of each."""
    rng = np.random.default_rng(seed)
    heap = np.repeat(np.arange(count), size)
    return (np.eye(dim)[heap] + 0.02 * rng.normal(size=(len(heap), dim))).astype(np.float32), heap


def view_of(x, probs, labels=(0, 0, 1, 1)):
    return PoolView(np.arange(len(x)), {Need.FEATURES: x, Need.PROBS: probs, Need.LABELS: np.array(labels)})


def choose(view, k, seed=0, **params):
    return Adaptive(**params).select(view, k, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("labels", "part"), [([], 1.0), ([3], 1.0), ([0, 0, 1, 1], 0.0), ([0, 0, 0, 1], 0.25), ([0, 1, 2, 5, 5], 0.6)]
)
def test_what_the_labels_miss(labels, part):
    assert estimate_unseen_fraction(np.array(labels, np.int64)) == pytest.approx(part)


def test_good_turing_tells_how_much_is_unseen():
    """On draws from a long tail it is right on average, as Good's theorem says."""
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 101)
    shares /= shares.sum()
    said, true = [], []
    for _ in range(400):
        labels = rng.choice(100, 50, p=shares)
        said.append(estimate_unseen_fraction(labels))
        true.append(shares[np.setdiff1d(np.arange(100), labels)].sum())
    assert np.mean(said) == pytest.approx(np.mean(true), abs=0.02)


def test_what_is_doubted_alike_gives_a_few_and_not_all():
    x, heap = heaps(20, 30)
    lead = np.full(len(x), 0.9)
    lead[heap < 4] = 0.1 + 0.01 * heap[heap < 4]  # four heaps of near-copies that the head doubts
    assert set(heap[np.argsort(lead)[:8]]) == {0}, "margin takes copies"
    assert set(heap[choose(view_of(x, sure(lead)), 8).keys]) == {0, 1, 2, 3}


def test_only_doubtful_images_once_all_classes_are_known():
    x, heap = heaps(20, 30)
    lead = np.where(heap % 2, 0.999, 0.3)
    chosen = choose(view_of(x, sure(lead)), 10, candidates=5)
    assert (heap[chosen.keys] % 2 == 0).all()
    assert chosen.scores == pytest.approx(np.full(10, 0.7), abs=1e-5)


def test_while_classes_are_unseen_it_covers_the_whole_pool():
    x, heap = heaps(25, 40)
    lead = np.where(heap < 3, 0.0, 0.05).astype(np.float32)  # the head doubts nearly all alike
    labels = range(20)  # each the only one of its class
    covered = heap[choose(view_of(x, sure(lead), labels), 25, power=1.0).keys]
    assert len(set(covered)) >= 20
    known = heap[choose(view_of(x, sure(lead), [0, 0] * 10), 25, candidates=1).keys]
    assert set(known) <= {0, 1, 2}


def test_the_score_orders_the_batch():
    x, _ = heaps(20, 30)
    lead = np.random.default_rng(2).random(len(x))
    chosen = choose(view_of(x, sure(lead)), 12)
    assert (np.diff(chosen.scores) <= 0).all() and len(set(chosen.scores.tolist())) > 1


def test_a_head_that_doubts_nothing_leaves_clusters():
    x, heap = heaps(20, 10)
    assert len(set(heap[choose(view_of(x, sure(np.ones(200)), range(20)), 20).keys])) >= 15


def test_many_doubtful_images_are_looked_at_in_part():
    x, _ = heaps(20, 50)
    chosen = choose(view_of(x, sure(np.zeros(1000)), range(9)), 5, rows=50)
    assert len(set(chosen.keys.tolist())) == 5


def test_macro_asks_for_the_rare_class_as_often_as_for_the_common_one():
    """The head doubts 20 heaps alike: in two of them, whether it is the rare class; in 18, between common ones."""
    x, heap = heaps(20, 30)
    probs = np.where((heap < 2)[:, None], [0.4, 0.0, 0.6], [0.0, 0.6, 0.4]).astype(np.float32)
    labels = [0, 0, 1, 1, 2, 2]
    counts = {
        objective: np.mean(
            [
                (heap[choose(view_of(x, probs, labels), 10, seed, objective=objective).keys] < 2).sum()
                for seed in range(5)
            ]
        )
        for objective in OBJECTIVES
    }
    assert counts["accuracy"] <= 2 <= counts["macro"] - 1


@pytest.mark.parametrize(
    "bad",
    [{"candidates": 0}, {"rows": 0}, {"power": -1.0}, {"power": float("nan")}, {"objective": "recall"}],
)
def test_parameters_that_cannot_be(bad):
    with pytest.raises(BadParams, match=f"adaptive.*{next(iter(bad))}"):
        Adaptive(**bad)
