"""What was read is remembered as long as the file stays what it was; the cache itself may be lost at any time."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from alframe.data import decode as decoding
from alframe.errors import StoreError
from alframe.store.file_cache import FileCache, FileContent
from alframe.types import Box, InputSpec, Item

SPEC = InputSpec(8, (0.5,) * 3, (0.5,) * 3)


@pytest.fixture
def item(tmp_path: Path) -> Item:
    Image.new("RGB", (9, 9), "red").save(tmp_path / "a.png")
    return Item("a.png", tmp_path / "a.png")


@pytest.fixture
def contents(tmp_path: Path) -> Iterator[FileCache]:
    cache = FileCache(tmp_path / "cache" / "contents.sqlite")
    yield cache
    cache.close()


def read(item: Item) -> FileContent:
    decoded = decoding.ImageFile(item.path).decode(SPEC, item.box)
    return FileContent(decoded.content_hash, decoded.reason, decoded.stamp)


def test_a_file_is_known_until_it_changes(contents: FileCache, item: Item) -> None:
    assert contents.look_up([item], [True]) == [None]
    reading = read(item)
    contents.remember([(item, reading)])
    assert contents.look_up([item], [True]) == [reading]
    os.utime(item.path, ns=(1, 1))
    assert contents.look_up([item], [True]) == [None]
    assert contents.look_up([item], [False]) == [reading], "one that has left the pool is what it was"
    item.path.unlink()
    assert contents.look_up([item], [True]) == [None]


def test_one_that_was_replaced_after_it_was_read_is_read_again(contents: FileCache, item: Item) -> None:
    reading = read(item)
    Image.new("RGB", (30, 30), "blue").save(item.path)
    contents.remember([(item, reading)])
    assert contents.look_up([item], [True]) == [None]


def test_what_could_not_be_read_by_an_older_version_is_tried_again(tmp_path: Path, item: Item) -> None:
    bad = Item("b.tif", tmp_path / "b.tif")
    bad.path.write_bytes(b"II*\0 of many bands, once no image")
    file = tmp_path / "cache" / "contents.sqlite"
    first = FileCache(file)
    readings = [read(item), read(bad)]
    assert readings[1].reason
    first.remember(list(zip([item, bad], readings, strict=True)))
    first.close()
    db = sqlite3.connect(file)
    db.execute("PRAGMA user_version = 0")  # as all caches had it
    db.close()
    second = FileCache(file)
    assert second.look_up([item, bad], [True, True]) == [readings[0], None]
    second.remember([(bad, readings[1])])
    second.close()
    third = FileCache(file)
    assert third.look_up([item, bad], [True, True]) == readings, "once is enough"
    third.close()


def test_a_bad_image_is_remembered(contents: FileCache, item: Item) -> None:
    item.path.write_bytes(item.path.read_bytes()[:50])
    contents.remember([(item, read(item))])
    (known,) = contents.look_up([item], [True])
    assert known is not None
    assert known.reason


@pytest.mark.parametrize(
    "failure",
    [MemoryError(), OSError(24, "Too many open files"), OSError("out of memory error when reading image file")],
    ids=["memory", "system", "codec"],
)
def test_what_is_not_the_files_fault_is_tried_again(
    contents: FileCache, item: Item, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(decoding.ImageFile, "_decode_pixels", fail)
        reading = read(item)
    assert reading.reason
    contents.remember([(item, reading)])
    assert contents.look_up([item], [True]) == [None]


def test_many_items_and_boxes_of_one_file(contents: FileCache, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    items = [
        Item(f"{n}#{part}", tmp_path / "files" / f"{n}.jpg", box=Box(0, 0, part, 1) if part else None)
        for n in range(700)
        for part in (0, 0.25, 0.5)
    ]
    for one in items[::3]:
        one.path.touch()
    noted = []
    for number, one in enumerate(items):
        found = one.path.stat()
        noted.append((one, FileContent(number.to_bytes(16, "big"), None, (found.st_size, found.st_mtime_ns))))
    contents.remember(noted)
    order = items[::-1]
    known = contents.look_up(order, [True] * len(order))
    assert [int.from_bytes(one.content_hash or b"", "big") for one in known if one] == list(range(len(items)))[::-1]


def test_hashes_are_kept_by_content_and_by_what_sees_it(contents: FileCache, item: Item) -> None:
    other = InputSpec(16, (0.5,) * 3, (0.5,) * 3)
    hashes = {number.to_bytes(16, "big"): number.to_bytes(8, "big") for number in range(1200)}
    contents.remember_difference_hashes(hashes, SPEC)
    contents.remember_difference_hashes({bytes(16): b"otherone"}, other)
    assert contents.look_up_difference_hashes([*hashes, b"never seen before"], SPEC) == hashes
    assert contents.look_up_difference_hashes(hashes, other) == {bytes(16): b"otherone"}
    assert contents.look_up_difference_hashes(hashes, replace(SPEC, value_range=((0.0, 1.0),))) == {}


def test_a_cache_from_before_there_were_hashes_keeps_all_it_knows(tmp_path: Path, item: Item) -> None:
    file = tmp_path / "cache" / "contents.sqlite"
    first = FileCache(file)
    reading = read(item)
    first.remember([(item, reading)])
    first.close()
    db = sqlite3.connect(file)
    db.execute("DROP TABLE hash")
    db.close()
    second = FileCache(file)
    assert second.look_up([item], [True]) == [reading]
    assert second.look_up_difference_hashes([reading.content_hash or b""], SPEC) == {}
    second.remember_difference_hashes({reading.content_hash or b"": b"12345678"}, SPEC)
    assert len(second.look_up_difference_hashes([reading.content_hash or b""], SPEC)) == 1
    second.close()


def test_known_asks_the_database_rarely(contents: FileCache, item: Item) -> None:
    asked: list[str] = []
    contents._db.set_trace_callback(asked.append)
    contents.look_up([item] * 2000, [True] * 2000)
    assert len(asked) < 10


@pytest.mark.parametrize("damage", ["garbage", "truncated", "inside"])
def test_a_damaged_cache_is_set_aside(
    tmp_path: Path, item: Item, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "contents.sqlite"
    cache = FileCache(file)
    cache.remember([(Item(str(n), Path(str(n)) / ("x" * 200)), read(item)) for n in range(500)])
    cache.close()
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(
        {
            "garbage": b"no database " * 1000,
            "truncated": whole[:middle],
            "inside": whole[: middle - 8192] + bytes(16384) + whole[middle + 8192 :],
        }[damage]
    )
    cache = FileCache(file)
    assert "damaged" in caplog.text
    assert file.with_name("contents.sqlite.damaged").exists()
    reading = read(item)
    cache.remember([(item, reading)])
    assert cache.look_up([item], [True]) == [reading]
    cache.close()
    caplog.clear()
    FileCache(file).close()
    assert not caplog.text


def test_several_may_create_it_at_once(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def create(file: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            FileCache(file).close()
        except Exception as error:
            failures.append(error)

    for attempt in range(20):
        start = threading.Barrier(8)
        file = tmp_path / str(attempt) / "contents.sqlite"
        threads = [threading.Thread(target=create, args=(file, start)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_they_create_it_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "contents.sqlite"
    thread = threading.Thread(target=lambda: FileCache(file).close())
    with FileLock(tmp_path / ".contents.sqlite.lock"):
        thread.start()
        thread.join(0.3)
        assert not file.exists()
    thread.join()
    assert file.exists()


def test_a_full_disk_is_said_in_words_and_nothing_is_lost(contents: FileCache, item: Item) -> None:
    reading = read(item)
    contents.remember([(item, reading)])
    (pages,) = contents._db.execute("PRAGMA page_count").fetchone()
    contents._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"full.*Make room and run the same command again"):
        contents.remember([(Item(str(n), Path("x" * 200) / str(n)), reading) for n in range(1000)])
    contents._db.execute("PRAGMA max_page_count = 100000")
    assert contents.look_up([item], [True]) == [reading]
    contents.remember([(item, reading)])


def test_a_lock_that_another_holds_is_said_in_words(contents: FileCache, item: Item) -> None:
    contents._db.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(contents.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"contents\.sqlite.*locked.*Another program"):
        contents.remember([(item, read(item))])
    other.execute("ROLLBACK")
    other.close()
    contents.remember([(item, read(item))])
