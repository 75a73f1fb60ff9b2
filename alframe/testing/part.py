"""What the conformance suites of most kinds share."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

import pytest

Part = TypeVar("Part")


class PartSuite(Generic[Part]):
    """What every part must do, of whatever kind."""

    def make(self) -> Part:
        """Return a new part, with its default parameters if it has any."""
        raise NotImplementedError

    def test_constructor_writes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        self.make()
        assert not list(tmp_path.iterdir()), "the constructor must only store its parameters"
