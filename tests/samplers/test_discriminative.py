"""Told from what is labelled, part by part."""

from __future__ import annotations

import numpy as np
import pytest
import skactiveml.classifier
import skactiveml.pool
from sklearn.linear_model import LogisticRegression

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.discriminative import Discriminative
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


class TestDiscriminative(SamplerSuite):
    make = Discriminative


def heaps(*sizes):
    """(n, 8) embeddings around far corners, and the number of each one's heap."""
    rng = np.random.default_rng(0)
    heap = np.repeat(np.arange(len(sizes)), sizes)
    return (12 * np.eye(8)[heap] + rng.normal(size=(len(heap), 8))).astype(np.float32), heap


def choose(x, labelled, k, seed=0, **params):
    view = PoolView(tiny_keys(len(x)), {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled})
    chosen = Discriminative(**params).select(view, k, np.random.default_rng(seed))
    assert_valid_selection(chosen, view, k)
    return [view.keys.tolist().index(id_) for id_ in chosen.keys.tolist()]


@pytest.mark.parametrize("labels", [1, 5, 100])
def test_the_place_without_labels_comes_first(labels):
    """However few are labelled: the sides are of equal weight."""
    x, heap = heaps(80, 6, 80)
    labelled, _ = heaps(labels, 0, labels)
    assert heap[choose(x, labelled, 5)][0] == 1
    assert set(heap[choose(x, labelled, 5, batches=1)]) == {1}


def test_with_sub_batches_one_place_does_not_fill_the_batch():
    x, heap = heaps(60, 30, 30, 30)
    x[heap == 1] += 6 * np.eye(8)[1].astype(np.float32)  # the farthest of three places without labels
    labelled, _ = heaps(20)
    spread = [len(set(heap[choose(x, labelled, 12, seed)]) - {0}) for seed in range(3)]
    assert min(spread) == 3
    counts = [np.bincount(heap[choose(x, labelled, 12, seed, batches=1)], minlength=4).max() for seed in range(3)]
    parts = [np.bincount(heap[choose(x, labelled, 12, seed, batches=12)], minlength=4).max() for seed in range(3)]
    assert np.mean(parts) < np.mean(counts), "in one part the batch is more of one place"


def test_with_nothing_labelled_it_covers_the_pool():
    x, heap = heaps(50, 50, 50)
    assert len({tuple(choose(x, x[:0], 1, seed)) for seed in range(6)}) > 3
    assert set(heap[choose(x, x[:0], 9)]) == {0, 1, 2}


def test_a_large_pool_is_looked_at_in_part():
    x, _ = heaps(200, 200)
    assert len(set(choose(x, x[:5], 10, rows=60))) == 10
    assert len(set(choose(x, x[:5], 390, rows=60, batches=2))) == 390


def test_bad_input_is_refused():
    for wrong in ({"batches": 0}, {"rows": 0}, {"c": 0}):
        with pytest.raises(BadParams, match=f"sampler 'discriminative': {next(iter(wrong))}="):
            Discriminative(**wrong)
    x, _ = heaps(9)
    x[2, 1] = np.nan
    with pytest.raises(UnmetNeed, match="1 of 9 images looked at"):
        choose(x, x[3:5], 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_images_as_scikit_activeml(seed):
    x = np.random.default_rng(seed).normal(size=(90, 6))
    x[:60] = (x[:60] - x[:60].mean(axis=0)) / x[:60].std()  # as the pool is scaled here
    x[60:] += 1
    y = np.full(90, np.nan)
    y[60:] = 0
    judge = skactiveml.classifier.SklearnClassifier(LogisticRegression(C=0.1, class_weight="balanced"))
    theirs = skactiveml.pool.DiscriminativeAL(greedy_selection=True, random_state=0)
    expected = theirs.query(x, y, discriminator=judge, batch_size=12)
    x = x.astype(np.float32)
    assert choose(x[:60], x[60:], 12, batches=1) == expected.tolist()
