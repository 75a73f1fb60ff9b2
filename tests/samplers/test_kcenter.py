"""The greedy core-set against the textbook."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import skactiveml.pool
from hypothesis import given, settings
from hypothesis import strategies as st

from alframe.errors import UnmetNeed
from alframe.samplers import kcenter
from alframe.samplers.kcenter import KCenter, nearest_with_faiss, nearest_with_numpy
from alframe.testing.sampler import SamplerSuite, check, tiny_ids
from alframe.types import Need, PoolView


class TestKCenter(SamplerSuite):
    make = KCenter


class TestKCenterWithNumpy(SamplerSuite):
    def make(self):
        return KCenter(faiss=False)


def view_of(x, labelled, ids=None):
    ids = np.arange(len(x)) if ids is None else ids
    return PoolView(ids, {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled})


def choose(x, labelled, k, **params):
    return KCenter(**params).select(view_of(x, labelled), k, np.random.default_rng(0))


def textbook(x, labelled, k):
    """The greedy rule word for word: every distance, every time, in float64."""
    x, centres = x.astype(np.float64), [row.astype(np.float64) for row in labelled]
    chosen, radii = [], []
    if not centres:
        chosen.append(int(np.linalg.norm(x - x.mean(axis=0), axis=1).argmin()))
        centres.append(x[chosen[0]])
    while len(chosen) < k:
        distances = np.min([np.linalg.norm(x - centre, axis=1) for centre in centres], axis=0)
        distances[chosen] = -1
        chosen.append(int(distances.argmax()))
        radii.append(distances[chosen[-1]])
        centres.append(x[chosen[-1]])
    return chosen, radii


@pytest.mark.parametrize("faiss", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_textbook_for_two_rounds(seed, faiss):
    rng = np.random.default_rng(seed)
    n, m, dim, k = rng.integers(30, 200), rng.integers(0, 30), rng.integers(2, 40), 12
    x = rng.normal(size=(n, dim)).astype(np.float32)
    labelled = rng.normal(size=(m, dim)).astype(np.float32)
    for _ in range(2):
        chosen = choose(x, labelled, k, faiss=faiss)
        expected, radii = textbook(x, labelled, k)
        assert chosen.ids.tolist() == expected
        np.testing.assert_allclose(chosen.scores[-len(radii) :], radii, rtol=1e-4)
        labelled = np.concatenate([labelled, x[expected]])
        x = np.delete(x, expected, axis=0)


@pytest.mark.parametrize("candidates", [1, 2, 8, 33])
@pytest.mark.parametrize("seed", range(8))
def test_however_few_are_kept_up_to_date(seed, candidates, monkeypatch):
    monkeypatch.setattr(kcenter, "CANDIDATES", candidates)
    monkeypatch.setattr(kcenter, "ROWS", 11)
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 5))[rng.integers(0, 6, 150)]
    x = (4 * centres + rng.normal(size=(150, 5))).astype(np.float32)
    labelled = x[: seed // 2]
    assert choose(x[10:], labelled, 60).ids.tolist() == textbook(x[10:], labelled, 60)[0]


def test_the_whole_pool_is_chosen_in_the_textbooks_order():
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    assert choose(x, x[:0], 40).ids.tolist() == textbook(x, x[:0], 40)[0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_numbers_give_a_valid_choice_that_covers(data):
    """On a coarse grid, full of duplicates and ties: each choice is as far as any left, if not the textbook's."""
    values = st.integers(-2, 2)
    rows = data.draw(st.lists(st.tuples(values, values), min_size=1, max_size=25))
    centres = data.draw(st.lists(st.tuples(values, values), max_size=4))
    x = np.array(rows, np.float32)
    labelled = np.array(centres, np.float32).reshape(-1, 2)
    k = data.draw(st.integers(1, len(rows)))
    view = view_of(x, labelled, tiny_ids(len(x)))
    chosen = KCenter().select(view, k, np.random.default_rng(0))
    check(chosen, view, k)
    places = [view.ids.tolist().index(id_) for id_ in chosen.ids.tolist()]
    for step in range(0 if centres else 1, k):
        known = np.concatenate([labelled, x[places[:step]]])
        distances = np.linalg.norm(x[:, None] - known, axis=2).min(axis=1)
        distances[places[:step]] = -1
        assert distances[places[step]] == pytest.approx(distances.max(), abs=1e-3)


def test_the_far_point_comes_first_and_its_neighbour_last():
    x = np.array([[0, 0], [100, 0], [100, 1], [0, 60], [1, 1]], np.float32)
    chosen = choose(x, np.zeros((1, 2), np.float32), 5)
    assert chosen.ids.tolist() == [2, 3, 4, 1, 0]
    np.testing.assert_allclose(chosen.scores, [np.hypot(100, 1), 60, np.sqrt(2), 1, 0], rtol=1e-6)


def test_duplicates_are_still_distinct_ids():
    x = np.ones((30, 4), np.float32)
    for labelled in (x[:0], x[:3]):
        assert len(set(choose(x, labelled, 30).ids.tolist())) == 30


@pytest.mark.parametrize("shift", [0, 1000])
def test_faiss_and_numpy_measure_the_same_also_far_from_the_origin(shift):
    rng = np.random.default_rng(0)
    x, centres = (rng.normal(size=(size, 64)).astype(np.float32) + shift for size in (500, 60))
    exact = ((x[:, None].astype(np.float64) - centres) ** 2).sum(axis=2).min(axis=1)
    for nearest in (nearest_with_faiss, nearest_with_numpy):
        np.testing.assert_allclose(nearest(x, np.arange(500), centres), exact, rtol=1e-3)


def test_without_faiss_it_says_so_and_goes_on(monkeypatch, caplog):
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    expected = choose(x[5:], x[:5], 8).ids.tolist()
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert choose(x[5:], x[:5], 8).ids.tolist() == expected
    assert "faiss cannot be imported" in caplog.text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_embeddings_that_are_no_numbers_are_refused(value):
    x = np.zeros((9, 4), np.float32)
    bad = x.copy()
    bad[6, 2] = value
    with pytest.raises(UnmetNeed, match=r"1 of 9 unlabelled images \(first: row 6\)"):
        choose(bad, x[:2], 3)
    with pytest.raises(UnmetNeed, match="1 of 9 labelled images"):
        choose(x, bad, 3)


def test_it_covers_as_well_as_scikit_activeml():
    x = np.random.default_rng(4).normal(size=(120, 8)).astype(np.float32)
    y = np.full(120, np.nan)
    y[:10] = 0
    theirs = skactiveml.pool.CoreSet(random_state=0).query(x, y, batch_size=15)
    ours = choose(x[10:], x[:10], 15).ids + 10
    assert ours.tolist() == theirs.tolist()
