"""What a sampler sees of a large pool, without a copy of it."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.errors import UnmetNeed
from alframe.types import LazyFeatures, LazyProbs, LazySamples, Need, PoolView


@pytest.fixture
def source() -> np.ndarray:
    return np.arange(40, dtype=np.float32).reshape(10, 4)


def test_rows_are_those_of_their_numbers(source: np.ndarray) -> None:
    row_numbers = np.array([7, 2, 9, 4])
    rows = LazyFeatures(source, row_numbers)
    assert (len(rows), rows.shape) == (4, (4, 4))
    np.testing.assert_array_equal(rows.to_array(), source[row_numbers])
    np.testing.assert_array_equal(rows[1:3], source[[2, 9]])
    np.testing.assert_array_equal(rows[np.array([3, 0])], source[[4, 7]])
    np.testing.assert_array_equal(rows[2], source[9])
    np.testing.assert_array_equal(rows.subset(np.array([True, False, False, True])).to_array(), source[[7, 4]])
    np.testing.assert_array_equal(LazyFeatures(source).subset(np.arange(10) > 7)[:], source[8:])


def test_nothing_of_the_pool_can_be_changed(source: np.ndarray) -> None:
    for view in (PoolView(np.arange(10), {Need.FEATURES: source}), whole_and_part(source)):
        for array in (view.features, view.lazy_features[:0], view.keys):
            if array is not view.features and array.base is None:
                continue  # a copy
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    assert source[3, 3] == 15


def whole_and_part(source: np.ndarray) -> PoolView:
    return PoolView(np.arange(4), {Need.FEATURES: LazyFeatures(source, np.array([1, 3, 5, 7]))})


def test_a_part_of_a_view_reads_the_same_source(source: np.ndarray) -> None:
    view = whole_and_part(source)
    part = view.subset(np.array([False, True, True, False]))
    np.testing.assert_array_equal(part.features, source[[3, 5]])
    np.testing.assert_array_equal(view.features, source[[1, 3, 5, 7]])
    assert view.features is view.features  # copied once


def test_rows_are_a_need_as_the_features_are(source: np.ndarray) -> None:
    view = PoolView(np.arange(10), {Need.LABELS: np.zeros(2, np.int64)})
    for read in ("features", "lazy_features", "prob_samples", "lazy_prob_samples"):
        with pytest.raises(UnmetNeed, match=read.removeprefix("lazy_").upper()):
            getattr(view, read)
    assert np.shares_memory(PoolView(np.arange(10), {Need.FEATURES: source}).features, source)


def test_draws_of_a_part_are_the_part_of_the_draws() -> None:
    array = np.arange(60, dtype=np.float32).reshape(2, 10, 3)
    view = PoolView(np.arange(10), {Need.PROB_SAMPLES: array})
    samples = view.lazy_prob_samples
    assert (len(samples), samples.shape) == (10, (2, 10, 3))
    assert np.shares_memory(view.prob_samples, array) and np.shares_memory(samples[2:5], array)
    mask = np.isin(np.arange(10), [1, 4, 8])
    for rows in (slice(2, 5), np.array([7, 0]), mask):
        np.testing.assert_array_equal(samples[rows], array[:, rows])
    part = view.subset(mask)
    np.testing.assert_array_equal(part.prob_samples, array[:, [1, 4, 8]])
    np.testing.assert_array_equal(part.subset(np.array([False, True, True])).lazy_prob_samples[1:], array[:, [8]])
    np.testing.assert_array_equal(samples.first_draws(1).to_array(), array[:1])
    with pytest.raises(ValueError, match="read-only"):
        samples[2:5][...] = 0


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((20, 100_000, 20), [32768, 32768, 32768, 1696]), ((500, 70, 40_000), [3] * 23 + [1]), ((20, 0, 20), [0])],
)
def test_parts_of_draws_fit_in_memory(shape: tuple[int, int, int], sizes: list[int]) -> None:
    parts = LazySamples(lambda rows: np.empty(0, np.float32), shape).row_slices()
    assert [len(range(shape[1])[part]) for part in parts] == sizes


def test_what_was_chosen_in_an_earlier_turn_stays_labelled():
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    view = PoolView(np.arange(6), {Need.FEATURES: x, Need.LABELLED_FEATURES: x[:1]})
    first = view.after_choosing(np.arange(6) == 1, np.arange(6) > 1)
    second = first.after_choosing(first.keys == 2, first.keys > 2)
    assert second.labelled_features.tolist() == x[:3].tolist() and second.keys.tolist() == [3, 4, 5]


FACTS = {
    Need.TAKEN: np.arange(4).astype("datetime64[s]"),
    Need.LABELLED_TAKEN: np.array(["NaT", "2024-05-01"], "datetime64[s]"),
    Need.CAMERAS: np.array([0, 1, -1, 2]),
    Need.LABELLED_CAMERAS: np.array([1, 0]),
    Need.IDS: np.array(["a", "b", "c", "d"], np.object_),
    Need.LABELLED_IDS: np.array(["x", "y"], np.object_),
}


def test_times_cameras_and_ids_are_of_the_same_images(source: np.ndarray) -> None:
    fields = {Need.FEATURES: source[:4], Need.LABELLED_FEATURES: source[4:6], **FACTS}
    view = PoolView(np.arange(4), fields)
    turn = view.after_choosing(np.array([False, True, False, False]), np.array([True, False, True, True]))
    assert turn.ids.tolist() == ["a", "c", "d"] and turn.cameras.tolist() == [0, -1, 2]
    assert turn.labelled_ids.tolist() == ["x", "y", "b"] and turn.labelled_cameras.tolist() == [1, 0, 1]
    assert np.isnat(turn.labelled_taken[0]) and turn.labelled_taken[2] == FACTS[Need.TAKEN][1]
    np.testing.assert_array_equal(turn.labelled_features, source[[4, 5, 1]])
    next_turn = turn.after_choosing(np.array([True, False, False]), np.array([False, True, True]))
    assert next_turn.labelled_ids.tolist() == ["x", "y", "b", "a"]
    np.testing.assert_array_equal(next_turn.labelled_features, source[[4, 5, 1, 0]])
    with pytest.raises(ValueError, match="read-only"):
        next_turn.labelled_cameras[:] = 0


@pytest.mark.parametrize(
    "others",
    [
        {Need.LABELS: np.zeros(2, np.int64)},
        {Need.LABELLED_FEATURES: np.ones((2, 3), np.float32)},  # without the embeddings of those that are chosen
    ],
    ids=["labels", "labelled embeddings"],
)
def test_chosen_images_join_all_that_is_read_of_labelled_ones_or_nothing(others: dict) -> None:
    view = PoolView(np.arange(4), {**FACTS, **others})
    turn = view.after_choosing(np.array([True, False, False, False]), np.array([False, True, True, True]))
    assert turn.labelled_ids.tolist() == ["x", "y"] and len(turn.labelled_taken) == len(turn.labelled_cameras) == 2
    member = turn.restrict_to_needs({Need.IDS, Need.LABELLED_IDS})
    assert member.labelled_ids.tolist() == ["x", "y", "a"]


def test_lazy_probs_are_computed_where_they_are_indexed_or_once_for_all_subsets() -> None:
    source = np.arange(24, dtype=np.float32).reshape(8, 3)
    asked: list[int] = []

    def predict(rows):
        asked.append(len(rows))
        return source[rows]

    lazy = LazyProbs(predict, 8)
    part = lazy.subset(np.arange(8) % 2 == 1)
    np.testing.assert_array_equal(part[np.array([2, 0])], source[[5, 1]])
    assert (len(part), asked) == (4, [2])
    view = PoolView(np.arange(8), {Need.PROBS: lazy})
    for rows, of_rows in ((slice(None), view), (slice(1, None, 2), view.subset(np.arange(8) % 2 == 1))):
        np.testing.assert_array_equal(of_rows.probs, source[rows])
        np.testing.assert_array_equal(of_rows.lazy_probs[np.array([1])], source[rows][[1]])
        with pytest.raises(ValueError, match="read-only"):
            of_rows.probs[0] = 0
    assert asked == [2, 8]
