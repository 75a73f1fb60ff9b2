"""A drive that drops out while a campaign starts ends it, and the next run asks what it would have asked anyway."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from alframe import drives
from alframe.app.api import open_session
from alframe.data import decode
from alframe.data.pictures import read_file_with_stamp
from alframe.errors import PoolError
from alframe.testing.tiny import tiny_overrides, tiny_pool


def start(words: list[str]) -> tuple[list[int], dict[int, str]]:
    """Run until people must label; return what was asked, and what is marked unreadable."""
    with open_session(*words) as session:
        session.task_to_run.run(session)
        return list(session.ledger.stored_rounds()[-1].keys), session.ledger.unreadable_reasons()


@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL, 121])
def test_no_batch_is_chosen_from_what_a_drive_still_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    images = tiny_pool(tmp_path / "images", classes=3, each=10)
    tiny = [word for word in tiny_overrides(images, tmp_path / "runs") if "classes" not in word]
    words = [*tiny, "label_source=csv", "audit=0.5", "compute.batch_size=4"]
    expected = start([*words, f"project={tmp_path}/whole", f"runs={tmp_path}/other"])
    reads: list[Path] = []

    def read(path: Path) -> tuple[bytes, tuple[int, int]]:
        reads.append(path)
        if len(reads) > 8:
            raise OSError(number, os.strerror(number), str(path))
        return read_file_with_stamp(path)

    monkeypatch.setattr(decode, "read_file_with_stamp", read)
    monkeypatch.setattr(drives, "RETRY_PAUSES", (0.0,))
    with pytest.raises(PoolError, match=r"2 of 30 images cannot be read because the drive or the network failed"):
        start([*words, f"project={tmp_path}/p"])
    monkeypatch.setattr(decode, "read_file_with_stamp", read_file_with_stamp)
    assert start([*words, f"project={tmp_path}/p"]) == expected
    assert not expected[1]
