"""Weights are written whole or refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from alframe.engine.weights_files import load_arrays, load_weights, save_arrays, save_weights
from alframe.errors import StoreError


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow beyond a kilobyte."""
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("no_room")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    for save, values in ((save_weights, {"x": torch.zeros(9_999)}), (save_arrays, {"x": np.zeros(9_999)})):
        with pytest.raises(StoreError, match=r"x\.safetensors cannot be written: .*Make room"):
            save(values, file)
        assert not file.exists() or file.stat().st_size <= 1_000


@pytest.mark.parametrize("load", [load_weights, load_arrays])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,  # a header of 2**64 bytes
        (10**8).to_bytes(8, "little") + b"{" * 100,
        (20_000).to_bytes(8, "little") + b'{"a":' * 4_000,
        (60).to_bytes(8, "little") + b'{"x":{"dtype":"F32","shape":[9],"data_offsets":[0,99999999]}}',
        (58).to_bytes(8, "little") + b'{"x":{"dtype":"Z99","shape":[1],"data_offsets":[0,4]}}    ' + bytes(4),
    ],
)
def test_what_is_no_such_file_is_named_with_a_remedy(load: object, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(StoreError, match=r"x\.safetensors is damaged: .*Do this\.$"):
        load(tmp_path / "x.safetensors", "Do this.")
