from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real and constructed files of the formats beside the checkout; tests that need them are skipped without."""
    folder = Path(__file__).parents[3] / "shared" / "formats" / "samples"
    if not folder.is_dir():
        pytest.skip(f"needs the sample files in {folder}")
    return folder
