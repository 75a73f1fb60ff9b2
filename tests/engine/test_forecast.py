"""How long a pass over the pool will take is said before it has taken long, and only if it will."""

from __future__ import annotations

import logging

import pytest

from alframe.engine import embed
from alframe.engine.embed import Forecast


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(embed.time, "perf_counter", lambda: now[0])
    return now


def passed(clock: list[float], total: int, each: float, caplog: pytest.LogCaptureFixture) -> list[str]:
    forecast = Forecast(total)
    clock[0] += 60  # until all workers have started
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            forecast.see(32, 32 * 2_500_000, 1280)
            clock[0] += each
    return caplog.messages


def test_a_long_pass_is_forecast_once(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    (line,) = passed(clock, 1_000_000, 0.32, caplog)
    assert line == (
        "To embed 1,000,000 images will take about 2 h 47 min, at 100 a second: 2500.0 GB of files are read, 5.1 GB of "
        "embeddings are written."
    )


def test_a_short_one_is_not(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    assert passed(clock, 5_000, 0.32, caplog) == []
