"""Images in the cloud are counted before they are downloaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from alframe.engine.listing import online_files, pool_listing
from alframe.engine.listing.online_files import is_online_only
from alframe.pools.folder import Folder
from alframe.settings import Sequences
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_pool


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"st_file_attributes": 0x400000}, True),
        ({"st_file_attributes": 0x40020}, True),
        ({"st_file_attributes": 0x1020}, True),
        ({"st_file_attributes": 0x20}, False),
        ({"st_flags": 0x40000000}, True),
        ({"st_flags": 0x20}, False),
        ({}, False),
    ],
)
def test_attributes(status: dict[str, int], expected: bool) -> None:
    assert is_online_only(SimpleNamespace(**status)) == expected


def test_they_are_counted_before_their_headers_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = tiny_pool(tmp_path / "pool", classes=2, each=3)
    monkeypatch.setattr(online_files, "HAS_PLACEHOLDERS", True)
    inodes = {path.stat().st_ino for path in (root / "class_1").iterdir()}
    monkeypatch.setattr(online_files, "is_online_only", lambda status: status.st_ino in inodes)
    add_times_from_files = pool_listing.add_times_from_files

    def read_headers(*arguments: object) -> object:
        assert "3 of 6 images (" in caplog.text
        assert "are not on this computer but in the cloud" in caplog.text
        return add_times_from_files(*arguments)

    monkeypatch.setattr(pool_listing, "add_times_from_files", read_headers)
    with Ledger.open(tmp_path) as ledger:
        pool_listing.sync_pool_listing(ledger, Folder(root), 0, "image", 0, Sequences())
        caplog.clear()
        monkeypatch.setattr(pool_listing, "add_times_from_files", add_times_from_files)
        pool_listing.sync_pool_listing(ledger, Folder(root), 0, "image", 0, Sequences())
    assert "cloud" not in caplog.text, "only images that are new are read"
