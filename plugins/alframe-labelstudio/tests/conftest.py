"""A server that behaves as Label Studio, and the token of a person there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alframe_labelstudio.source import LabelStudio
from fake_label_studio import LEGACY_TOKENS, FakeLabelStudio
from label_studio_people import Person
from PIL import Image

from alframe.types import Item, Request, Suggestion


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLabelStudio]:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", next(iter(LEGACY_TOKENS)))
    server = FakeLabelStudio()
    yield server
    server.close()


@pytest.fixture
def anna(studio: FakeLabelStudio) -> Person:
    return Person(studio.url, "a" * 40)


@pytest.fixture
def ben(studio: FakeLabelStudio) -> Person:
    return Person(studio.url, "b" * 40)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """A round of four images with suggestions; the second and the fourth are asked without."""
    items = []
    for number in range(4):
        file = tmp_path / "pool" / "cam 1" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24), (number, 0, 0)).save(file)
        items.append(Item(f"cam 1/{number}.png", file))
    suggestions = tuple(Suggestion("fox", 0.9) for _ in items)
    blind = (False, True, False, True)
    folder = tmp_path / "trial" / "to_label"
    return Request(3, tuple(items), ("fox", "red deer"), folder, suggestions, without_suggestion=blind)


@pytest.fixture
def source(studio: FakeLabelStudio) -> LabelStudio:
    return LabelStudio(url=studio.url)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe_labelstudio.server.BACKOFF", 0)
