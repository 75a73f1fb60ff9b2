"""The same image in another place: what it took is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alframe.store.files import link_or_copy


def test_a_copy_is_counted_and_a_link_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"12345")
    assert link_or_copy(source, tmp_path / "linked.jpg") == 0
    assert link_or_copy(source, tmp_path / "copied.jpg", copy=True) == 5

    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "link", refused)  # another disk
    assert link_or_copy(source, tmp_path / "fallen.jpg", symlinks=False) == 5
    assert [(tmp_path / f"{name}.jpg").read_bytes() for name in ("linked", "copied", "fallen")] == [b"12345"] * 3
