"""Margin order, and the proportions of the clusters."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.informative_diverse import InformativeDiverse
from alframe.samplers.uncertainty import margin_uncertainty
from alframe.testing.sampler import SamplerSuite, tiny_keys
from alframe.types import Need, PoolView


class TestInformativeDiverse(SamplerSuite):
    make = InformativeDiverse


def heaps(*sizes):
    """Rows around far corners, heap by heap, and the number of each row's heap."""
    heap = np.repeat(np.arange(len(sizes)), sizes)
    x = 100 * np.eye(len(sizes))[heap] + np.random.default_rng(0).normal(size=(len(heap), len(sizes)))
    return x.astype(np.float32), heap


def view_of(x, first, labelled=None, classes=3):
    """`first` (n,): probability of the likeliest class; the rest is shared."""
    probs = np.repeat((1 - np.asarray(first))[:, None] / (classes - 1), classes, axis=1)
    probs[:, 0] = first
    labelled = x[:0] if labelled is None else labelled
    fields = {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled, Need.PROBS: probs.astype(np.float32)}
    return PoolView(tiny_keys(len(x)), fields)


def choose(view, k, seed=0, **params):
    chosen = InformativeDiverse(**params).select(view, k, np.random.default_rng(seed))
    places = {id_: row for row, id_ in enumerate(view.keys.tolist())}
    return np.array([places[id_] for id_ in chosen.keys.tolist()]), chosen.scores


def test_the_batch_has_the_proportions_of_the_pool():
    x, heap = heaps(60, 30, 10)
    first = np.where(heap == 2, 0.4, 0.9) + 0.05 * np.random.default_rng(1).random(100)  # all doubt is in heap 2
    rows, _ = choose(view_of(x, first), 10)
    assert np.bincount(heap[rows], minlength=3).tolist() == [6, 3, 1]
    for number, count in enumerate([6, 3, 1]):
        best = sorted(np.flatnonzero(heap == number), key=lambda row: first[row])[:count]
        assert sorted(rows[heap[rows] == number]) == sorted(best), "the most doubtful of each cluster"


def test_what_is_left_over_goes_by_doubt():
    """The predecessor filled up from a set, in no order."""
    x, heap = heaps(80, 20)
    labelled = np.repeat(x[80:81], 100, axis=0)  # heap 1 has the larger share of all, and few images left
    first = 0.4 + 0.5 * np.random.default_rng(2).permutation(100) / 100
    rows, _ = choose(view_of(x, first, labelled), 60, clusters=2)
    assert (heap[rows] == 1).sum() == 20
    expected = sorted(np.flatnonzero(heap == 0), key=lambda row: first[row])[:40]
    assert sorted(rows[heap[rows] == 0]) == sorted(expected)


def by_hand(doubt, cluster, k):
    """The predecessor's loop, with a filler in order."""
    order = np.argsort(-doubt, kind="stable")
    taken = dict.fromkeys(cluster.tolist(), 0)
    chosen = []
    for row in order:
        if len(chosen) < k and taken[cluster[row]] / k < (cluster == cluster[row]).mean():
            taken[cluster[row]] += 1
            chosen.append(row)
    chosen += [row for row in order if row not in chosen][: k - len(chosen)]
    return chosen


@pytest.mark.parametrize("k", [1, 7, 20, 50])
def test_it_is_the_loop_by_hand(k):
    x, heap = heaps(37, 41, 13)
    first = 0.34 + 0.6 * np.random.default_rng(k).permutation(91) / 91
    view = view_of(x, first)
    rows, scores = choose(view, k)
    assert sorted(rows) == sorted(by_hand(margin_uncertainty(view.probs), heap, k))
    np.testing.assert_allclose(scores, margin_uncertainty(view.probs)[rows])


def test_ties_do_not_go_to_the_first_rows():
    x, _ = heaps(50, 50)
    chosen = [tuple(choose(view_of(x, np.full(100, 0.5)), 4, seed)[0]) for seed in range(10)]
    assert len(set(chosen)) == 10


def test_bad_input_is_refused():
    with pytest.raises(BadParams, match="clusters=0"):
        InformativeDiverse(clusters=0)
    x, _ = heaps(6, 6)
    first = np.full(12, 0.5)
    first[2] = np.nan
    with pytest.raises(UnmetNeed, match="class probabilities of 1 of 12"):
        choose(view_of(x, first), 3)
    with pytest.raises(UnmetNeed, match="embeddings of 1 of 1 images"):
        choose(view_of(x, np.full(12, 0.5), np.full_like(x[:1], np.inf)), 3)
