"""A large pool's embeddings lie in one mapped file, which is written once and grows with the pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alframe.errors import StoreError
from alframe.store import pool_features
from alframe.store.features import FeatureStore
from alframe.store.pool_features import gather_pool_features


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeatureStore:
    monkeypatch.setattr(pool_features, "MAPPED_BYTES", 0)
    monkeypatch.setattr("alframe.chunks.ROWS", 7)
    store = FeatureStore(tmp_path)
    for start in range(1, 61, 20):
        store.add(contents(*range(start, start + 20)), features(*range(start, start + 20)))
    return store


def contents(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def features(*numbers: int) -> np.ndarray:
    return np.array([[number, -number, 0.5] for number in numbers], np.float32)


def files(store: FeatureStore) -> list[Path]:
    return sorted((store.folder / "pools").glob("*.f32"))


def test_a_mapped_pool_has_the_rows_of_one_in_memory(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[bytes | None] = [*contents(3, 60, 1), None, *contents(*range(2, 40))]
    mapped = gather_pool_features(store, wanted)
    assert isinstance(mapped.base, np.memmap)
    assert not mapped.flags.writeable
    monkeypatch.setattr(pool_features, "MAPPED_BYTES", 2**28)
    np.testing.assert_array_equal(mapped, gather_pool_features(store, wanted))
    np.testing.assert_array_equal(mapped[[0, 3]], [[3, -3, 0.5], [0, 0, 0]])


def test_it_is_written_once_and_grows(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = gather_pool_features(store, contents(*range(1, 21)))
    (file,) = files(store)
    grown = gather_pool_features(store, contents(*range(1, 51)))
    assert files(store) == [file]
    assert file.stat().st_size == 50 * 3 * 4
    monkeypatch.setattr(FeatureStore, "gather", None)  # which would write
    np.testing.assert_array_equal(gather_pool_features(store, contents(*range(1, 51))), grown)
    np.testing.assert_array_equal(gather_pool_features(store, contents(*range(1, 11))), grown[:10])
    np.testing.assert_array_equal(first, grown[:20])
    np.testing.assert_array_equal(grown, features(*range(1, 51)))


def test_a_pool_that_has_changed_has_a_new_file_instead_of_the_old(store: FeatureStore) -> None:
    before = gather_pool_features(store, contents(*range(1, 21)))
    after = gather_pool_features(store, contents(*range(1, 5), 55, *range(6, 21)))
    np.testing.assert_array_equal(after[4], [55, -55, 0.5])
    np.testing.assert_array_equal(before[4], [5, -5, 0.5])  # who has it mapped keeps what it maps
    assert len(files(store)) == 1
    gather_pool_features(store, contents(*range(30, 50)))  # another pool
    assert len(files(store)) == 2


def test_rows_without_keys_do_not_count(store: FeatureStore) -> None:
    gather_pool_features(store, contents(*range(1, 21)))
    (file,) = files(store)
    with file.open("ab") as handle:  # as after a kill while the pool was growing
        handle.write(b"\1" * 30)
    np.testing.assert_array_equal(gather_pool_features(store, contents(*range(1, 41))), features(*range(1, 41)))


@pytest.mark.parametrize("end", [".f32", ".keys"])
def test_a_damaged_file_is_gathered_again(store: FeatureStore, end: str, caplog: pytest.LogCaptureFixture) -> None:
    gather_pool_features(store, contents(*range(1, 21)))
    (file,) = files(store)
    file.with_suffix(end).write_bytes(b"\x93NUMPY")
    np.testing.assert_array_equal(gather_pool_features(store, contents(*range(1, 21))), features(*range(1, 21)))
    assert "is damaged" in caplog.text


@pytest.mark.parametrize("end", [".f32", ".keys", ".sums"])
def test_values_that_were_not_written_are_gathered_again(
    store: FeatureStore, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    gather_pool_features(store, contents(*range(1, 21)))
    gather_pool_features(store, contents(*range(1, 41)))
    for at in (-1, 50):
        (file,) = files(store)
        data = bytearray(file.with_suffix(end).read_bytes())
        data[at] ^= 1
        file.with_suffix(end).write_bytes(data)
        if end == ".sums":
            file.touch()  # else nobody looks at the checksums
        np.testing.assert_array_equal(gather_pool_features(store, contents(*range(1, 41))), features(*range(1, 41)))
    if end == ".f32":
        assert "its checksum is wrong" in caplog.text


def test_a_file_of_an_earlier_version_without_checksums_goes_on(store: FeatureStore) -> None:
    gather_pool_features(store, contents(*range(1, 21)))
    (file,) = files(store)
    file.with_suffix(".sums").unlink()
    before = file.stat().st_ino
    np.testing.assert_array_equal(gather_pool_features(store, contents(*range(1, 41))), features(*range(1, 41)))
    assert files(store)[0].stat().st_ino == before


def test_no_room_is_said_with_what_is_needed(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alframe.store.pool_features.os.fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device.* 0 MB more: free that space"):
        gather_pool_features(store, contents(*range(1, 21)))
