"""Batches come as ordered, whole and in order, whoever decodes them, and nothing is left running."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alframe import drives
from alframe.data import decode
from alframe.data.augment import AugmentingReader, load_augmented_batches
from alframe.data.loading import PlainReader, load_batches, normalise_pixels, stream_batches
from alframe.data.pictures import read_file_with_stamp
from alframe.errors import PoolError
from alframe.types import Box, InputSpec, Item

SPEC = InputSpec(16, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("pool")
    rng = np.random.default_rng(0)
    found = []
    for i in range(11):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(path)
        found.append(Item(f"{i}.png", path))
    found[4].path.write_bytes(b"junk")
    found[7].path.unlink()
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_as_given(items: list[Item], workers: int) -> None:
    wanted = [[3, 1], [4], [10, 9, 8, 7, 0], [2, 2]]
    got = list(load_batches(items, SPEC, wanted, workers))
    assert [batch.rows for batch in got] == wanted
    assert [batch.readable_rows for batch in got] == [[3, 1], [], [10, 9, 8, 0], [2, 2]]
    assert [tuple(batch.pixels.shape) for batch in got] == [(n, 16, 16, 3) for n in (2, 0, 4, 2)]
    assert all(batch.pixels.dtype == torch.uint8 for batch in got)
    assert got[1].results[0].content_hash is not None
    assert got[1].results[0].reason is not None
    assert got[2].results[3].content_hash is None
    assert [result.stamp is None for result in got[2].results] == [False] * 3 + [True, False]
    assert got[0].results[1].stamp == ((found := items[1].path.stat()).st_size, found.st_mtime_ns)
    assert [result.reason for result in got[2].results[:3]] == [None] * 3
    assert torch.equal(got[3].pixels[0], got[3].pixels[1])


def test_workers_change_nothing(items: list[Item]) -> None:
    wanted = [[i, i + 1] for i in range(0, 10, 2)]
    for one, two in zip(load_batches(items, SPEC, wanted, 0), load_batches(items, SPEC, wanted, 2), strict=True):
        assert torch.equal(one.pixels, two.pixels)
        assert one.results == two.results


def test_no_batches(items: list[Item]) -> None:
    assert list(load_batches(items, SPEC, [], 2)) == []


def test_stopping_early_ends_the_workers(items: list[Item]) -> None:
    batches = load_batches(items, SPEC, [[i % 3] for i in range(50)], 2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def test_batches_are_taken_as_they_are_needed(items: list[Item]) -> None:
    drawn = []

    def endless():
        from alframe.data.loading import ImageToRead

        while True:
            drawn.append(1)
            yield [ImageToRead(0, items[0].path, None)]

    batches = stream_batches(PlainReader(SPEC), SPEC, endless(), 0)
    next(batches)
    assert len(drawn) < 5


def test_a_file_with_several_boxes_is_read_once_in_a_batch(items: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    boxed = [Item(str(number), items[0].path, box=Box(0, 0, number / 4, 1)) for number in (1, 2, 3)]
    reads = []
    read_file_with_stamp = decode.read_file_with_stamp
    monkeypatch.setattr(decode, "read_file_with_stamp", lambda path: reads.append(path) or read_file_with_stamp(path))
    (batch,) = load_batches([*boxed, items[1]], SPEC, [range(4)], 0)
    assert reads == [items[0].path, items[1].path]
    assert (batch.readable_rows, len({result.content_hash for result in batch.results})) == ([0, 1, 2, 3], 4)


def test_what_workers_get_can_be_sent_to_a_fresh_process() -> None:
    for reader in (PlainReader(SPEC), AugmentingReader(SPEC)):
        assert pickle.loads(pickle.dumps(reader)) == reader


def test_spawned_workers(items: list[Item], tmp_path: Path) -> None:
    script = tmp_path / "spawned.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing
        from pathlib import Path
        from alframe.data.augment import load_augmented_batches
        from alframe.data.loading import load_batches
        from alframe.types import InputSpec, Item
        if __name__ == "__main__":
            multiprocessing.set_start_method("spawn")
            spec = InputSpec(16, (0.5,) * 3, (0.5,) * 3)
            items = [Item("0", Path({str(items[0].path)!r}))]
            assert [len(b.readable_rows) for b in load_batches(items, spec, [[0], [0, 0]], 1)] == [1, 2]
            assert [len(b.readable_rows) for b in load_augmented_batches(items, spec, [([0], [1])], 1)] == [1]
            print("fine")
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "fine", done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals to process groups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_group_is_answered_once(items: list[Item], tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, signal, time
        from pathlib import Path
        from alframe.data.loading import load_batches
        from alframe.types import InputSpec, Item
        items = [Item("0", Path({str(items[0].path)!r}))]
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            for n, batch in enumerate(load_batches(items, InputSpec(16, (0.5,) * 3, (0.5,) * 3), [[0]] * 10**6, 2)):
                if n == 50:
                    print(*[worker.pid for worker in multiprocessing.active_children()], flush=True)
        except KeyboardInterrupt:
            time.sleep(0.2)  # for whatever the system says of the ends of the workers
            print("stopped", flush=True)
        """)
    )
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    workers = [int(word) for word in process.stdout.readline().split()]
    assert len(workers) == 2
    for worker in workers:  # whom the system may serve first
        os.kill(worker, number)
    time.sleep(0.3)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert out.strip() == "stopped"
    assert "Traceback" not in err
    assert process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="signals to process groups")
def test_ctrl_c_while_spawned_workers_start_prints_no_traceback(items: list[Item], tmp_path: Path) -> None:
    """They import torch for seconds before they can say what they do with a signal."""
    script = tmp_path / "interrupted.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, os, signal, threading, time
        from pathlib import Path
        from alframe.data.loading import load_batches
        from alframe.types import InputSpec, Item

        def interrupt():
            while len(multiprocessing.active_children()) < 2:
                time.sleep(0.01)
            time.sleep(0.3)
            os.killpg(0, signal.SIGINT)

        if __name__ == "__main__":
            multiprocessing.set_start_method("spawn")
            threading.Thread(target=interrupt, daemon=True).start()
            items = [Item("0", Path({str(items[0].path)!r}))]
            try:
                for _ in load_batches(items, InputSpec(16, (0.5,) * 3, (0.5,) * 3), [[0]] * 10**6, 2):
                    pass
            except KeyboardInterrupt:
                print("stopped", flush=True)
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, start_new_session=True)
    assert done.stdout.strip() == "stopped"
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


def test_normalise() -> None:
    pixels = torch.randint(0, 256, (2, 4, 5, 3), dtype=torch.uint8)
    out = normalise_pixels(pixels, SPEC, "cpu")
    assert out.shape == (2, 3, 4, 5)
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
    expected = (pixels.double() / 255 - torch.tensor(SPEC.mean)) / torch.tensor(SPEC.std)
    torch.testing.assert_close(out, expected.permute(0, 3, 1, 2).float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spec", [SPEC, InputSpec(16, (0.5,), (0.5,))], ids=["colour", "grey"])
def test_variations_come_from_their_seeds_alone(items: list[Item], spec: InputSpec) -> None:
    wanted = [([0, 0, 1], [5, 6, 7]), ([2, 0], [8, 5])]
    torch.manual_seed(1)
    here = list(load_augmented_batches(items, spec, wanted, 0))
    torch.manual_seed(2)
    there = list(load_augmented_batches(items, spec, wanted, 2))
    for one, two in zip(here, there, strict=True):
        assert torch.equal(one.pixels, two.pixels)
    assert here[0].pixels.shape == (3, 16, 16, spec.channels)
    assert not torch.equal(here[0].pixels[0], here[0].pixels[1])
    assert torch.equal(here[0].pixels[0], here[1].pixels[1])


def test_variations_leave_the_global_generator_alone(items: list[Item]) -> None:
    before = torch.get_rng_state()
    list(load_augmented_batches(items, SPEC, [([0, 1], [1, 2])], 0))
    assert torch.equal(before, torch.get_rng_state())


def test_every_variation_happens(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), (200, 60, 60), np.uint8)
    image[:, :32] = (60, 200, 60)
    Image.fromarray(image).save(tmp_path / "a.png")
    spec = InputSpec(64, (0.5,) * 3, (0.5,) * 3)
    n = 200
    (batch,) = load_augmented_batches([Item("a", tmp_path / "a.png")], spec, [([0] * n, list(range(n)))], 0)
    pixels = batch.pixels.numpy().astype(int)
    grey = np.ptp(pixels, axis=3).max(axis=(1, 2)) == 0
    assert 0.03 < grey.mean() < 0.2
    fill = (pixels == 128).all(axis=3)
    erased = fill[:, 16:48, 16:48].any(axis=(1, 2))
    assert 0.2 < erased.mean() < 0.7
    rotated = fill[:, 0, 0] | fill[:, 0, -1]
    assert rotated.mean() > 0.3
    left_is_green = pixels[:, 32, 8, 1] > pixels[:, 32, 8, 0]
    assert 0.2 < left_is_green[~grey].mean() < 0.8
    assert pixels[:, 32, 8].max(axis=1).std() > 10


def failing_drive(monkeypatch: pytest.MonkeyPatch, number: int, names: Collection[str], times: int = 10**9) -> None:
    """Have reading these files fail with an errno, the first so many times each."""
    left = dict.fromkeys(names, times)

    def read(path: Path) -> tuple[bytes, tuple[int, int]]:
        if left.get(path.name, 0) > 0:
            left[path.name] -= 1
            raise OSError(number, os.strerror(number), str(path))
        return read_file_with_stamp(path)

    monkeypatch.setattr(decode, "read_file_with_stamp", read)
    monkeypatch.setattr(drives, "RETRY_PAUSES", (0.0, 0.0))


def many(folder: Path, count: int) -> list[Item]:
    for number in range(count):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    return [Item(f"{number}.png", folder / f"{number}.png") for number in range(count)]


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL, 121, errno.ENODEV, errno.ETIMEDOUT, errno.ESTALE])
def test_a_drive_that_drops_out_ends_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Of 30 images 8 can be read: the others are not unreadable images."""
    items = many(tmp_path, 30)
    failing_drive(monkeypatch, number, [f"{row}.png" for row in range(8, 30)])
    batches = load_batches(items, SPEC, [range(0, 8), range(8, 16), range(16, 30)], 0)
    assert len(next(batches).readable_rows) == 8
    with pytest.raises(PoolError, match=r"2 of 30 images .* the first: .*8.png .*Connect it again"):
        next(batches)


def test_a_drive_that_comes_back_costs_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = many(tmp_path, 30)
    failing_drive(monkeypatch, errno.EIO, [f"{row}.png" for row in range(8, 30)], times=2)
    (batch,) = load_batches(items, SPEC, [range(30)], 0)
    assert len(batch.readable_rows) == 30


def test_one_file_that_a_drive_does_not_give_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    items = many(tmp_path, 30)
    failing_drive(monkeypatch, errno.EIO, ["3.png"])
    (batch,) = load_batches(items, SPEC, [range(30)], 0)
    assert batch.readable_rows == [row for row in range(30) if row != 3]
    assert batch.results[3].drive_failed and batch.results[3].stamp is None
    assert "1 of 30 images cannot be read because the drive or the network failed" in caplog.text
    assert "3.png" in caplog.text


@pytest.mark.parametrize("is_emptied", [False, True])
def test_a_drive_that_is_taken_off_is_no_pool_of_missing_files(tmp_path: Path, is_emptied: bool) -> None:
    items = many(tmp_path, 30)
    for item in items[8:]:
        item.path.unlink()
    missing = list(load_batches(items, SPEC, [range(30)], 0))
    assert len(missing[0].readable_rows) == 8, "files that are gone are bad images while others are there"
    for item in items[:8]:
        item.path.unlink()
    if not is_emptied:
        tmp_path.rmdir()
    with pytest.raises(PoolError, match="2 of 30 images"):
        list(load_batches(items, SPEC, [range(30)], 0))


def test_fine_tuning_stops_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = many(tmp_path, 10)
    failing_drive(monkeypatch, errno.EIO, ["3.png", "4.png"])
    with pytest.raises(PoolError, match="2 of 10 images"):
        list(load_augmented_batches(items, SPEC, [(list(range(10)), list(range(10)))], 0))
