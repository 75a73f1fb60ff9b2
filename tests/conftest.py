"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before the first import of numpy or torch. The arrays and networks of tests are so small that a second thread only
# waits for the first; tests about threads set their own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest.register_assert_rewrite("alframe.testing")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development image sets beside the checkout; tests that need them are skipped where they are absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the development image sets in {folder}")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real and constructed files of the formats beside the checkout; tests that need them are skipped without."""
    folder = Path(__file__).parents[2] / "shared" / "formats" / "samples"
    if not folder.is_dir():
        pytest.skip(f"needs the sample files in {folder}")
    return folder
