"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("alframe.testing")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development image sets beside the checkout; tests that need them are skipped where they are absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the development image sets in {folder}")
    return folder
