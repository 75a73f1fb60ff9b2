"""Embeddings come back by content, from whole shards only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alframe.store.features import FeatureStore


def contents(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def features(*numbers: int) -> np.ndarray:
    return np.array([[number, -number, 0.5] for number in numbers], np.float32)


def test_features_come_back_in_the_order_asked_for_from_any_shard(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.add(contents(1, 2, 256), features(1, 2, 256))
    store.add(contents(70000, 3), features(70000, 3))
    again = FeatureStore(tmp_path)
    for one in (store, again):
        np.testing.assert_array_equal(one.gather(contents(3, 256, 1, 3)), features(3, 256, 1, 3))
        assert one.has(contents(1, 4, 70000, 0)).tolist() == [True, False, True, False]


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "none")
    assert store.has(contents(1)).tolist() == [False]
    assert store.gather([]).shape[0] == 0


def test_a_shard_without_keys_does_not_count(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.add(contents(1), features(1))
    (keys,) = tmp_path.glob("*.keys.npy")
    keys.unlink()  # as after a kill between the two files
    again = FeatureStore(tmp_path)
    assert again.has(contents(1)).tolist() == [False]
    again.add(contents(1), features(1))
    assert FeatureStore(tmp_path).has(contents(1)).all()


@pytest.mark.parametrize("rows", [1, 1000])
def test_many_random_contents(tmp_path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    keys = [rng.bytes(16) for _ in range(rows)]
    values = rng.normal(size=(rows, 4)).astype(np.float32)
    store = FeatureStore(tmp_path)
    for start in range(0, rows, 300):
        store.add(keys[start : start + 300], values[start : start + 300])
    order = rng.permutation(rows)
    np.testing.assert_array_equal(store.gather([keys[at] for at in order]), values[order])
