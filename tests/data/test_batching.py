"""Batches by label alone: complete, balanced, never empty, never of one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.data.batching import balanced_batches, shuffled_batches

labels = st.lists(st.integers(0, 6), min_size=1, max_size=80).map(lambda values: np.array(values, np.int64))


@given(labels, st.integers(2, 30), st.integers(0, 5))
def test_shuffled_takes_every_image_once(y: np.ndarray, size: int, seed: int) -> None:
    batches = shuffled_batches(y, size, np.random.default_rng(seed))
    assert sorted(row for batch in batches for row in batch) == list(range(len(y)))
    assert all(len(batch) <= size + 1 for batch in batches)
    if len(y) > 1:
        assert min(map(len, batches)) > 1


@given(labels, st.integers(1, 10), st.integers(2, 12), st.integers(0, 5))
def test_balanced_is_p_by_k(y: np.ndarray, p: int, k: int, seed: int) -> None:
    batches = balanced_batches(y, p, k, np.random.default_rng(seed))
    present = len(np.unique(y))
    p = min(p, present)
    assert len(batches) == -(-len(y) // (p * k)) >= 1
    for batch in batches:
        counts = Counter(y[batch].tolist())
        assert len(counts) == p
        assert set(counts.values()) == {k}
        for number in counts:
            members = int((y == number).sum())
            assert len({row for row in batch if y[row] == number}) >= min(members, k)


def test_every_class_is_met_over_time() -> None:
    y = np.repeat(np.arange(10), 3)
    rng = np.random.default_rng(0)
    met = {int(y[row]) for _ in range(20) for batch in balanced_batches(y, 2, 2, rng) for row in batch}
    assert met == set(range(10))


@pytest.mark.parametrize(
    "batching", [lambda y, r: shuffled_batches(y, 4, r), lambda y, r: balanced_batches(y, 2, 2, r)]
)
def test_the_same_generator_gives_the_same_batches(batching) -> None:
    y = np.arange(20) % 3
    assert batching(y, np.random.default_rng(1)) == batching(y, np.random.default_rng(1))
    assert batching(y, np.random.default_rng(1)) != batching(y, np.random.default_rng(2))
    assert batching(y[:0], np.random.default_rng(1)) == []
