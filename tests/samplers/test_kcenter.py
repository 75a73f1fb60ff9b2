"""The greedy core-set against the textbook."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import skactiveml.pool
from hypothesis import given, settings
from hypothesis import strategies as st

from alframe.errors import UnmetNeed
from alframe.samplers import distance_bounds, distance_cache, farthest_first
from alframe.samplers.distance_bounds import initial_bounds
from alframe.samplers.kcenter import KCenter
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_keys
from alframe.types import Need, PoolView


class TestKCenter(SamplerSuite):
    make = KCenter


class TestKCenterWithNumpy(SamplerSuite):
    def make(self):
        return KCenter(faiss=False)


def view_of(x, labelled, keys=None):
    keys = np.arange(len(x)) if keys is None else keys
    return PoolView(keys, {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled})


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
        assert chosen.keys.tolist() == expected
        np.testing.assert_allclose(chosen.scores[-len(radii) :], radii, rtol=1e-4)
        labelled = np.concatenate([labelled, x[expected]])
        x = np.delete(x, expected, axis=0)


@pytest.fixture
def small_steps(monkeypatch):
    """So few rows and centres at a time that a small pool goes through every branch."""
    for name, value in {"CHUNK_ROWS": 11, "FIRST_CENTRES": 3, "CENTRES_PER_STEP": 2, "TABLE_CELLS": 50}.items():
        monkeypatch.setattr(distance_bounds, name, value)
    monkeypatch.setattr(farthest_first, "REFILL_ROWS", 8)


def clustered(seed, n=150, dim=5):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, dim))[rng.integers(0, 6, n)]
    return (4 * centres + rng.normal(size=(n, dim))).astype(np.float32)


@pytest.mark.parametrize("active", [1, 2, 8, 33])
@pytest.mark.parametrize("seed", range(8))
def test_however_few_are_kept_up_to_date(seed, active, small_steps, monkeypatch):
    monkeypatch.setattr(farthest_first, "REFILL_ROWS", active)
    x = clustered(seed)
    labelled = x[: seed // 2]
    assert choose(x[10:], labelled, 60).keys.tolist() == textbook(x[10:], labelled, 60)[0]


@pytest.mark.parametrize("step", [1, 2, 16])
@pytest.mark.parametrize("k", [1, 5, 60, 99, 100])
def test_the_kth_largest_is_exact_whatever_the_sample_shows(step, k):
    values = np.zeros(100, np.float32)
    values[np.arange(100) % step == step - 1] = 1  # for a step above 1, the sample has none of the large ones
    values += np.arange(100, dtype=np.float32) / 1000
    expected = np.sort(values)[-k] if k < 100 else distance_bounds.TINY
    assert farthest_first._kth_largest(values, k) == expected


@pytest.mark.parametrize("seed", range(8))
def test_copies_and_ties_go_to_the_first_row(seed, small_steps):
    """Whole numbers: float64 has no rounding, so that the textbook's first row of the farthest is the one."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, (120, 3)).astype(np.float32)
    labelled = x[rng.integers(0, 120, 5)]
    assert choose(x, labelled, 120).keys.tolist() == textbook(x, labelled, 120)[0]


@pytest.mark.parametrize("shift", [0, 1000])
def test_bursts_nearer_to_each_other_than_a_product_can_tell(shift, small_steps):
    x = np.repeat(clustered(3), 3, axis=0) + shift
    x += np.random.default_rng(0).normal(size=x.shape).astype(np.float32) * 1e-4
    assert choose(x[20:], x[:20], 400).keys.tolist() == textbook(x[20:], x[:20], 400)[0]


def test_half_precision_in_a_file(tmp_path, small_steps):
    x = clustered(1).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for m in (0, 12):
        expected = textbook(x[12:].astype(np.float32), x[:m].astype(np.float32), 50)[0]
        assert choose(mapped[12:], mapped[:m], 50).keys.tolist() == expected


def test_double_precision(small_steps):
    x = clustered(1).astype(np.float64)
    expected = textbook(x[12:].astype(np.float32), x[:12].astype(np.float32), 50)[0]
    assert choose(x[12:], x[:12], 50).keys.tolist() == expected


def rounds(make):
    """Three rounds with one sampler or several: some of the chosen get no label, and images come and go."""
    x, known, out = clustered(5), np.arange(12), []
    for number in range(3):
        keys = np.setdiff1d(np.arange(0 if number else 30, len(x)), known)
        chosen = make().select(view_of(x[keys], x[known], keys), 15, np.random.default_rng(0)).keys
        out.append(chosen.tolist())
        known = np.concatenate([known, np.delete(chosen, [3, 7])])
    return out


def test_what_it_remembers_changes_no_choice(small_steps):
    one = KCenter()
    assert rounds(lambda: one) == rounds(KCenter)


def test_it_measures_to_the_new_labels_only(small_steps, monkeypatch):
    x, sampler = clustered(2), KCenter()
    chosen = sampler.select(view_of(x[20:], x[:20], np.arange(20, 150)), 5, np.random.default_rng(0)).keys
    left = np.setdiff1d(np.arange(20, 150), chosen)
    monkeypatch.setattr(distance_cache, "initial_bounds", None)  # as it would fail if it were called
    labelled = np.concatenate([x[chosen], x[:20]])
    again = sampler.select(view_of(x[left], labelled, left), 5, np.random.default_rng(0)).keys
    assert again.tolist() == left[textbook(x[left], labelled, 5)[0]].tolist()


@pytest.mark.parametrize("change", ["withdrawn", "trained", "replaced"])
def test_what_no_longer_holds_is_measured_again(change, small_steps):
    x, sampler = clustered(4), KCenter()
    sampler.select(view_of(x[20:], x[:20]), 40, np.random.default_rng(0))
    labelled = x[:20]
    if change == "withdrawn":
        labelled = x[:11]
    elif change == "trained":
        x = clustered(9)
        labelled = x[:20]
    else:
        x = np.concatenate([x[:60], clustered(8)[60:]])
    again = sampler.select(view_of(x[20:], labelled), 40, np.random.default_rng(0))
    assert again.keys.tolist() == textbook(x[20:], labelled, 40)[0]


def test_the_whole_pool_is_chosen_in_the_textbooks_order():
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    assert choose(x, x[:0], 40).keys.tolist() == textbook(x, x[:0], 40)[0]


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
    view = view_of(x, labelled, tiny_keys(len(x)))
    chosen = KCenter().select(view, k, np.random.default_rng(0))
    assert_valid_selection(chosen, view, k)
    places = [view.keys.tolist().index(id_) for id_ in chosen.keys.tolist()]
    for step in range(0 if centres else 1, k):
        known = np.concatenate([labelled, x[places[:step]]])
        distances = np.linalg.norm(x[:, None] - known, axis=2).min(axis=1)
        distances[places[:step]] = -1
        assert distances[places[step]] == pytest.approx(distances.max(), abs=1e-3)


def test_the_far_point_comes_first_and_its_neighbour_last():
    x = np.array([[0, 0], [100, 0], [100, 1], [0, 60], [1, 1]], np.float32)
    chosen = choose(x, np.zeros((1, 2), np.float32), 5)
    assert chosen.keys.tolist() == [2, 3, 4, 1, 0]
    np.testing.assert_allclose(chosen.scores, [np.hypot(100, 1), 60, np.sqrt(2), 1, 0], rtol=1e-6)


def test_duplicates_are_still_distinct_ids():
    x = np.ones((30, 4), np.float32)
    for labelled in (x[:0], x[:3]):
        assert len(set(choose(x, labelled, 30).keys.tolist())) == 30


def test_centres_that_bring_most_rows_near_come_first():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    x[::2] += 50
    labelled = rng.normal(size=(41, 4)).astype(np.float32)
    labelled[23] += 50
    ordered = distance_cache.put_centres_with_tightest_bounds_first(labelled, x)
    assert 23 in [labelled.tolist().index(row) for row in ordered[:2].tolist()]
    assert sorted(ordered.tolist()) == sorted(labelled.tolist())


@pytest.mark.parametrize(("shift", "moved"), [(0, False), (1, False), (10, True)])
def test_the_origin_is_moved_only_where_that_helps(shift, moved):
    centres = np.random.default_rng(0).normal(size=(60, 64)).astype(np.float32) + shift
    origin = distance_bounds.choose_origin(centres)
    assert (origin is not None) == moved
    np.testing.assert_allclose(
        distance_bounds.subtract_origin(centres, slice(0, 5), origin), centres[:5] - (origin if moved else 0)
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shift", [0, 10])
def test_a_row_has_the_same_sum_to_the_bit_in_whatever_pass_and_place(dtype, shift):
    """A row is known again by its sum: were it another one in the next round, it would be measured anew."""
    x = (np.random.default_rng(0).normal(size=(2500, 1000)) + shift).astype(dtype)
    for gpu_faiss in (None, OnTheCpu(pytest.importorskip("faiss"))):
        sums = np.empty(len(x), np.float32)
        initial_bounds(x, x[:30].astype(np.float32), checksums=sums, gpu_faiss=gpu_faiss)
        assert np.array_equal(sums, distance_bounds.checksum_rows(x))
    assert np.array_equal(sums[7::3], distance_bounds.checksum_rows(x[7::3]))
    assert np.array_equal(sums[7:], distance_bounds.checksum_rows(x[7:]))


@pytest.mark.parametrize("shift", [0, 1000])
def test_bounds_hold_and_are_close_also_far_from_the_origin(shift, monkeypatch):
    monkeypatch.setattr(distance_bounds, "FIRST_CENTRES", 60)
    rng = np.random.default_rng(0)
    x, centres = (rng.normal(size=(size, 64)).astype(np.float32) + shift for size in (500, 60))
    exact = ((x[:, None].astype(np.float64) - centres) ** 2).sum(axis=2).min(axis=1)
    for gpu_faiss in (None, OnTheCpu(pytest.importorskip("faiss"))):
        bounds = initial_bounds(x, centres, gpu_faiss=gpu_faiss)
        assert (bounds.upper >= exact).all()
        np.testing.assert_allclose(bounds.upper, exact, rtol=1e-3)


class OnTheCpu:
    """FAISS as it would look with a GPU, the work staying here."""

    def __init__(self, faiss):
        self.IndexFlatL2 = faiss.IndexFlatL2
        self.index_cpu_to_all_gpus = lambda index: index
        self.get_num_gpus = lambda: 1


@pytest.mark.parametrize("seed", range(3))
def test_distances_from_a_gpu_give_the_same_choice(seed, monkeypatch):
    fake = OnTheCpu(pytest.importorskip("faiss"))
    monkeypatch.setattr(KCenter, "_gpu_faiss", lambda self: fake)
    x = clustered(seed)
    assert choose(x[10:], x[:10], 60).keys.tolist() == textbook(x[10:], x[:10], 60)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="faiss must not be imported before torch elsewhere")
def test_torch_is_not_imported(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setitem(sys.modules, "torch", None)  # an import fails
    x = clustered(0)
    assert choose(x[10:], x[:10], 9).keys.tolist() == textbook(x[10:], x[:10], 9)[0]


def test_without_faiss_it_says_so_and_goes_on(monkeypatch, caplog):
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    expected = choose(x[5:], x[:5], 8).keys.tolist()
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert choose(x[5:], x[:5], 8).keys.tolist() == expected
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
    ours = choose(x[10:], x[:10], 15).keys + 10
    assert ours.tolist() == theirs.tolist()
