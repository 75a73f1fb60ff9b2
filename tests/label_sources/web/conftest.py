"""A real browser, and campaigns that are served to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alframe.testing.tiny import tiny_overrides
from tests.label_sources.web.person import missing_browser, open_chromium
from tests.label_sources.web.served import ServedCampaign

Serve = Callable[..., ServedCampaign]


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    if missing := missing_browser():
        pytest.skip(missing)
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def serve_campaign(tmp_path: Path) -> Iterator[Serve]:
    campaigns: list[ServedCampaign] = []

    def start(images: Path, *more: str) -> ServedCampaign:
        tiny = [word for word in tiny_overrides(images, tmp_path / "runs") if "pool.classes" not in word]
        campaigns.append(ServedCampaign(tmp_path / "season", *tiny, *more))
        return campaigns[-1]

    yield start
    for campaign in campaigns:
        campaign.stop()
