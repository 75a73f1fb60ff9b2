"""Paths that are too long are refused before the work, and what is refused would not have been written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alframe.errors import StoreError
from alframe.loop.project import Project
from alframe.store import files, pool_features
from alframe.store.features import FeatureStore
from alframe.store.files import write_json
from alframe.store.path_lengths import CACHE_CHARACTERS, PROJECT_CHARACTERS, require_path_length
from alframe.store.pool_features import gather_pool_features
from tests.windows import limit_paths


def written(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The temporary files that are written from now on."""
    found: list[Path] = []
    replace = files.replace_file
    monkeypatch.setattr(files, "replace_file", lambda source, target: (found.append(source), replace(source, target)))
    return found


def test_the_temporary_name_is_as_long_as_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = written(monkeypatch)
    write_json(tmp_path / "x.json", {})
    assert len(found[0].name) - len("x.json") == files.TEMPORARY_CHARACTERS


def test_nothing_below_the_cache_is_longer_than_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_features, "MAPPED_BYTES", 0)
    found = written(monkeypatch)
    store = FeatureStore(tmp_path / "features" / ("f" * 32))
    contents = [number.to_bytes(16, "big") for number in range(3)]
    store.add(contents, np.ones((3, 2), np.float32))
    gather_pool_features(store, contents)
    longest = max(len(str(file)) - len(str(tmp_path)) for file in found)
    assert CACHE_CHARACTERS - 10 <= longest <= CACHE_CHARACTERS


@pytest.mark.parametrize("characters", [CACHE_CHARACTERS, PROJECT_CHARACTERS])
def test_the_limit_is_met_to_the_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int) -> None:
    limit_paths(monkeypatch, len(str(tmp_path)) + characters)
    require_path_length(tmp_path, characters, "runs")
    assert not list(tmp_path.iterdir())
    limit_paths(monkeypatch, len(str(tmp_path)) + characters - 1)
    with pytest.raises(StoreError, match=rf"{tmp_path} is too long: .* {characters} more.*runs=C:"):
        require_path_length(tmp_path, characters, "runs")


def test_a_project_is_refused_before_it_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path / "p", tmp_path / "cache", read_only=False)
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="cache is too long"):
        limit_paths(patch, len(str(tmp_path / "cache")) + CACHE_CHARACTERS - 1)
        project.lock()
    limit_paths(monkeypatch, len(str(tmp_path / "cache")) + CACHE_CHARACTERS)
    project.lock()
    project.close()
