"""A campaign on small pictures, with all that this package exports of its model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alframe.testing import tiny_overrides, tiny_pool


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three colours, in folders named after them."""
    return tiny_pool(tmp_path_factory.mktemp("pool"), each=10, size=50)


@pytest.fixture(scope="session")
def exported(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `export` of a campaign run by the command line."""
    folder = tmp_path_factory.mktemp("project")
    words = [
        *tiny_overrides(pool, folder),
        "exporter=[onnx,timm,torch_export,predictions]",
        "exporter.onnx.license=CC-BY-4.0",
        "head=calibrated",
        "backbone.dim=12",
        "stopping.labels=12",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "alframe", *words], cwd=folder, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (export,) = folder.glob("*/export")
    return export
