"""A project in a folder that a cloud client synchronises is warned about."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.loop.project import Project
from alframe.store.synced_folders import find_synced_folder


@pytest.mark.parametrize(
    ("folder", "synced"),
    [
        ("/home/a/OneDrive/traps/p", "/home/a/OneDrive"),
        ("/c/Users/a/OneDrive - University of Bonn/p", "/c/Users/a/OneDrive - University of Bonn"),
        ("/c/Users/a/Dropbox (Personal)/p", "/c/Users/a/Dropbox (Personal)"),
        ("/Users/a/Library/CloudStorage/GoogleDrive-a@b.org/My Drive/p", None),
        ("/Users/a/Library/Mobile Documents/com~apple~CloudDocs/p", "/Users/a/Library/Mobile Documents"),
        ("/g/My Drive", "/g/My Drive"),
        ("/c/Users/a/iCloudDrive/p", "/c/Users/a/iCloudDrive"),
    ],
)
def test_synced(folder: str, synced: str | None) -> None:
    found = find_synced_folder(Path(folder))
    assert found is not None
    assert synced is None or found == Path(synced)


@pytest.mark.parametrize("folder", ["/home/a/traps/p", "/data/dropboxes/p", "/data/onedrives", "/data/drive/box/p"])
def test_not_synced(folder: str) -> None:
    assert find_synced_folder(Path(folder)) is None


def test_the_environment_tells_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OneDrive", str(tmp_path))
    assert find_synced_folder(tmp_path / "p") == tmp_path


def test_the_project_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for place, is_warned in ((tmp_path, False), (tmp_path / "Dropbox", True)):
        project = Project(place / "p", place / "cache", read_only=False)
        project.lock()
        project.close()
        assert ("which a cloud client synchronises" in caplog.text) == is_warned
    assert str(tmp_path / "Dropbox" / "p") in caplog.text
