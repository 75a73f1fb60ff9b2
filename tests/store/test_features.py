"""Embeddings come back by content, from whole shards only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import StoreError
from alframe.store import features as module
from alframe.store.features import FeatureStore


def contents(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def features(*numbers: int) -> np.ndarray:
    return np.array([[number, -number, 0.5] for number in numbers], np.float32)


def write_two_shards(folder: Path) -> dict[str, Path]:
    """Store 1 and 2 in one shard and 3 in another, and return the files of the first."""
    store = FeatureStore(folder)
    store.add(contents(1, 2), features(1, 2))
    (keys,) = folder.glob("*.keys.npy")
    store.add(contents(3), features(3))
    return {"keys": keys, "features": keys.with_name(keys.name.replace(".keys", ""))}


def test_features_come_back_in_the_order_asked_for_from_any_shard(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.add(contents(1, 2, 256), features(1, 2, 256))
    store.add(contents(70000, 3), features(70000, 3))
    again = FeatureStore(tmp_path)
    for one in (store, again):
        np.testing.assert_array_equal(one.gather(contents(3, 256, 1, 3)), features(3, 256, 1, 3))
        assert one.which_are_stored(contents(1, 4, 70000, 0)).tolist() == [True, False, True, False]


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "none")
    assert store.which_are_stored(contents(1)).tolist() == [False]
    assert store.gather([]).shape[0] == 0


def test_a_shard_without_keys_does_not_count(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.add(contents(1), features(1))
    (keys,) = tmp_path.glob("*.keys.npy")
    keys.unlink()  # as after a kill between the two files
    again = FeatureStore(tmp_path)
    assert again.which_are_stored(contents(1)).tolist() == [False]
    again.add(contents(1), features(1))
    assert FeatureStore(tmp_path).which_are_stored(contents(1)).all()


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


def test_what_is_not_stored_is_not_given(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    with pytest.raises(KeyError):
        store.gather(contents(1))
    store.add(contents(1, 3), features(1, 3))
    with pytest.raises(KeyError, match="2 of 3"):
        store.gather(contents(2, 3, 4))


@pytest.mark.skipif(os.name == "nt", reason="has no such limit")
def test_more_shards_than_a_process_may_open_files(tmp_path: Path) -> None:
    import resource

    store = FeatureStore(tmp_path)
    for number in range(80):
        store.add(contents(number), features(number))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    try:
        again = FeatureStore(tmp_path)
        np.testing.assert_array_equal(again.gather(contents(*range(80))), features(*range(80)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_content_keeps_its_first_features(tmp_path: Path) -> None:
    store, other = FeatureStore(tmp_path), FeatureStore(tmp_path)
    store.add(contents(1, 2, 1), np.concatenate([features(1, 2), features(9)]))
    for one in (store, other):  # the other was opened before there was anything
        one.add(contents(3, 2), features(3, 8))
    for one in (store, other, FeatureStore(tmp_path)):
        np.testing.assert_array_equal(one.gather(contents(1, 2, 3)), features(1, 2, 3))
    assert sum(len(np.load(file)) for file in tmp_path.glob("*.keys.npy")) == 3


def test_of_two_shards_with_one_content_the_order_of_names_decides(tmp_path: Path) -> None:
    first = {}
    for value in (5, 6):
        FeatureStore(tmp_path / str(value)).add(contents(1), features(value))
        shutil.copytree(tmp_path / str(value), tmp_path / "both", dirs_exist_ok=True)
        (file,) = (tmp_path / str(value)).glob("*.keys.npy")
        first[file.name] = value
    np.testing.assert_array_equal(FeatureStore(tmp_path / "both").gather(contents(1)), features(first[min(first)]))


@pytest.mark.parametrize("which", ["features", "keys"])
@pytest.mark.parametrize("damage", ["missing", "empty", "header cut", "data cut", "garbage"])
def test_a_damaged_shard_is_removed_and_costs_itself_only(
    tmp_path: Path, which: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = write_two_shards(tmp_path)
    file = files[which]
    whole = file.read_bytes()
    new = {"empty": b"", "header cut": whole[:20], "data cut": whole[:-1], "garbage": b"\0garbage" * 40}
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(new[damage])
    again = FeatureStore(tmp_path)
    assert again.which_are_stored(contents(1, 2, 3)).tolist() == [False, False, True]
    if not (which == "keys" and damage == "missing"):  # as after a kill between the two files
        assert "damaged" in caplog.text
        assert not files["keys"].exists()
    again.add(contents(1, 2), features(1, 2))
    for one in (again, FeatureStore(tmp_path)):
        np.testing.assert_array_equal(one.gather(contents(3, 2, 1)), features(3, 2, 1))


@pytest.mark.parametrize("which", ["features", "keys"])
@pytest.mark.parametrize("damage", ["one bit", "zeros", "NaN", "rows swapped", "pickle", "archive", "huge"])
def test_values_that_were_not_written_are_computed_again(
    which: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_two_shards(tmp_path)[which]
    data = bytearray(file.read_bytes())
    row = (len(data) - 128) // 2
    match damage:
        case "one bit":
            data[-3] ^= 1
        case "zeros":
            data[128:] = bytes(len(data) - 128)
        case "NaN":
            data[-4:] = np.float32("nan").tobytes()
        case "rows swapped":
            data[128:] = data[128 + row :] + data[128 : 128 + row]
        case "pickle":
            data = bytearray(data.replace(b"|u1", b"|O ").replace(b"<f4", b"|O "))
        case "archive":
            data[:2] = b"PK"
        case "huge":
            data = bytearray(data.replace(b"(2, ", b"(2" + b"0" * 15 + b", ").replace(b" " * 15, b"", 1))
    file.write_bytes(data)
    again = FeatureStore(tmp_path)
    assert again.which_are_stored(contents(1, 2, 3)).tolist() == [False, False, True]
    assert "is damaged" in caplog.text and "embedded again" in caplog.text
    again.add(contents(1, 2), features(1, 2))
    np.testing.assert_array_equal(FeatureStore(tmp_path).gather(contents(3, 2, 1)), features(3, 2, 1))


def test_a_shard_is_read_only_when_it_is_new_or_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FeatureStore(tmp_path).add(contents(1, 2), features(1, 2))
    read: list[int] = []
    digest = module._digest
    monkeypatch.setattr(module, "_digest", lambda *arrays: (read.append(1), digest(*arrays))[1])
    FeatureStore(tmp_path)
    assert not read  # who wrote it knows what it holds
    shutil.copytree(tmp_path, copy := tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
    for expected in (1, 1):
        assert FeatureStore(copy).which_are_stored(contents(1)).all()
        assert len(read) == expected
    (copy / ".verified").write_bytes(b"\xff\0 torn")
    assert FeatureStore(copy).which_are_stored(contents(1)).all()
    assert len(read) == 2


def test_a_shard_that_vanishes_during_a_run_is_named(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.add(contents(1), features(1))
    for file in tmp_path.glob("*.npy"):
        file.unlink()
    with pytest.raises(StoreError, match=r"\.npy has been removed .* Run the same command again"):
        store.gather(contents(1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e19, -3e38])
def test_rows_that_are_not_finite_or_huge_are_told_and_never_stored(tmp_path: Path, bad: float) -> None:
    store, values = FeatureStore(tmp_path), features(1, 2, 3)
    values[1, 2] = bad
    assert store.add(contents(1, 2, 3), values).tolist() == [True, False, True]
    for one in (store, FeatureStore(tmp_path)):
        assert one.which_are_stored(contents(1, 2, 3)).tolist() == [True, False, True]
        np.testing.assert_array_equal(one.gather(contents(3, 1)), features(3, 1))
    assert not FeatureStore(tmp_path / "empty").add(contents(1), np.full((1, 3), bad, np.float32)).any()
