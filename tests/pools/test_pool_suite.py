"""The suite must catch pools that are wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alframe.testing.pool import PoolSuite
from alframe.types import Box, Item

CHECKS = [getattr(PoolSuite, name) for name in dir(PoolSuite) if name.startswith("test_")]


class Pool:
    """Two images, and one fault."""

    def __init__(self, folder: Path, fault: Callable[[Item], Item] | str) -> None:
        self.folder, self.fault = folder, fault
        if fault == "eager":
            folder.mkdir(exist_ok=True)
        self.once = iter(list(self._items())) if fault == "shared" else None

    def items(self) -> Iterator[Item]:
        return self.once or self._items()

    def _items(self) -> Iterator[Item]:
        for name in ("a.jpg", "a.jpg") if self.fault == "twice" else ("a.jpg", "b.jpg"):
            item = Item(id=name, path=self.folder / name, box=Box(0.1, 0.2, 0.3, 0.4))
            yield self.fault(item) if callable(self.fault) else item


class Suite(PoolSuite):
    def __init__(self, fault: Callable[[Item], Item] | str) -> None:
        self.fault = fault

    def make(self, folder: Path) -> Pool:
        return Pool(folder, self.fault)

    def fill_folder(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "a.jpg").touch()
        (folder / "b.jpg").touch()


def failures(fault: Callable[[Item], Item] | str, tmp_path: Path) -> set[str]:
    failed = set()
    for check in CHECKS:
        suite, base = Suite(fault), tmp_path / check.__name__
        base.mkdir()
        values = {"tmp_path": base}
        wanted = check.__code__.co_varnames[1 : check.__code__.co_argcount]
        if "pool" in wanted or "items" in wanted:
            suite.fill_folder(base / "pool")
            pool = suite.make(base / "pool")
            values["pool"] = pool
            if "items" in wanted:
                values["items"] = list(pool.items())
        try:
            with suppress(pytest.skip.Exception):  # a suite with a lambda cannot be sent to another process
                check(suite, **{name: values[name] for name in wanted})
        except AssertionError:
            failed.add(check.__name__)
    return failed


def test_a_good_pool_passes(tmp_path: Path) -> None:
    assert failures("none", tmp_path) == set()


@pytest.mark.parametrize(
    ("fault", "caught_by"),
    [
        ("eager", "test_constructor_touches_no_disk"),
        ("twice", "test_ids_are_unique"),
        ("shared", "test_items_are_the_same_again"),
        (lambda item: replace(item, id=f"x\\{item.id}"), "test_ids_are_relative_posix_paths"),
        (lambda item: replace(item, id=f"/{item.id}"), "test_ids_are_relative_posix_paths"),
        (lambda item: replace(item, id=f"../{item.id}"), "test_ids_are_relative_posix_paths"),
        (lambda item: replace(item, id=f"C:/{item.id}"), "test_ids_are_relative_posix_paths"),
        (lambda item: replace(item, path=item.path / "x"), "test_paths_exist"),
        (lambda item: replace(item, path=Path("pyproject.toml")), "test_paths_exist"),
        (lambda item: replace(item, id=uuid.uuid4().hex), "test_items_are_the_same_again"),
        (lambda item: replace(item, split="val"), "test_fields_are_valid"),
        (lambda item: replace(item, label=""), "test_fields_are_valid"),
        (lambda item: replace(item, camera=1), "test_fields_are_valid"),
        (lambda item: replace(item, taken=datetime(2024, 1, 1, tzinfo=UTC)), "test_fields_are_valid"),
        (lambda item: replace(item, box=Box(0.5, 0.5, 0.6, 0.1)), "test_boxes_are_inside_the_image"),
        (lambda item: replace(item, box=Box(10, 20, 30, 40)), "test_boxes_are_inside_the_image"),
    ],
)
def test_faults_are_caught(fault: Callable[[Item], Item] | str, caught_by: str, tmp_path: Path) -> None:
    assert caught_by in failures(fault, tmp_path)
