"""How long a step will take is said before it has taken long, and only if it will."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator

import pytest

from alframe import progress
from alframe.app.logging import ProgressBarHandler
from alframe.progress import Bar, DurationEstimate, follow_bars, format_bytes, track


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> list[float]:
    caplog.set_level(logging.INFO)
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(progress, "shows_bars", lambda: True)
    return now


def batches(clock: list[float], advance: Callable[[int, int, int], None], each: float) -> None:
    clock[0] += 60  # until all workers have started
    for _ in range(20):
        advance(32, 32 * 2_500_000, 32 * 1280 * 4)
        clock[0] += each


def test_a_long_pass_is_forecast_once(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with Bar("Embedding images", 1_000_000, "img") as bar:
        batches(clock, bar.advance, 0.32)
    assert caplog.messages == [
        "Embedding images: 1,000,000 images will take about 2 h 47 min, at 100 a second; 2.5 TB are read; 5.1 GB are "
        "written."
    ]


def test_a_short_one_is_not(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with Bar("Embedding images", 5_000, "img") as bar:
        batches(clock, bar.advance, 0.32)
    assert caplog.messages == []


def test_whoever_follows_is_told_each_second_how_far_it_has_got(clock: list[float]) -> None:
    told: list[str] = []
    with follow_bars(told.append), Bar("Embedding images", 1_000, "img") as bar:
        for _ in range(4):
            clock[0] += 0.6
            bar.advance(100)
    assert told == [
        "Embedding images: 200 of 1,000 images, about 5 s left.",
        "Embedding images: 400 of 1,000 images, about 4 s left.",
    ]
    with Bar("Embedding images", 1_000, "img") as bar:
        clock[0] += 2
        bar.advance(100)
    assert len(told) == 2, "nobody follows any more"


def test_it_is_said_early_and_not_by_the_first_step_alone(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    forecast = DurationEstimate("Hashing images", 100_000, "img")
    for _ in range(2):
        clock[0] += 1.9  # after the first, which is the start, less than two seconds
        forecast.update(32)
    assert caplog.messages == []
    clock[0] += 0.2
    forecast.update(32)
    (line,) = caplog.messages
    assert line == "Hashing images: 100,000 images will take about 55 min, at 30.5 a second."


def test_extra_seconds_count_and_it_may_end_early(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    forecast = DurationEstimate("Fine-tuning", 500, "img", at_most=True, extra_seconds=50.0)
    batches(clock, forecast.update, 1.0)
    (line,) = caplog.messages
    assert line == "Fine-tuning: 500 images will take at most 66 s, at 32 a second; 1.2 GB are read; 3 MB are written."


def test_steps_without_a_start_are_all_measured(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    for _ in track(range(9), "Comparing over seeds", unit="run"):
        clock[0] += 120
    assert caplog.messages == ["Comparing over seeds: 9 runs will take about 18 min, at 2 min each."]


def test_without_a_total_or_a_pace_nothing_is_said(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    def endless() -> Iterator[int]:
        yield from range(9)

    for _ in track(endless(), "Listing images", unit="img"):
        clock[0] += 120
    with Bar("Round 3, answered", 100, "img", forecast=False) as bar:
        batches(clock, bar.advance, 60)
    assert caplog.messages == []


def test_bytes_in_words() -> None:
    assert [format_bytes(size) for size in (0, 64e7, 5.12e9, 2.5e12)] == ["0 MB", "640 MB", "5.1 GB", "2.5 TB"]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_bar_that_was_interrupted_as_it_was_made_ends_without_a_word(monkeypatch):
    from tqdm import tqdm

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(tqdm, "_get_free_pos", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Bar("Embedding", 3)
    gc.collect()


@pytest.mark.parametrize(("seconds", "expected"), [(9.0, []), (11.0, ["Embedding: 640 images in 11 s."])])
def test_a_pipe_gets_one_line_of_a_long_step_and_no_bar(
    seconds: float,
    expected: list[str],
    clock: list[float],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "shows_bars", lambda: False)
    with Bar("Embedding", 640, "img", delay=0.0) as bar:
        bar.advance(640)
        clock[0] += seconds
    assert caplog.messages == expected
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("delay", [0.0, 60.0])
def test_a_part_of_a_step_has_a_bar_only_where_that_of_the_step_cannot_be_seen(
    delay: float, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "shows_bars", lambda: True)
    with Bar("Comparing over seeds", 2, "run", delay=delay) as whole:
        with Bar("Clustering", 3, delay=0.0) as part:
            part.advance(3)
        whole.advance(2)
    with Bar("Embedding", 3, delay=0.0) as next_step:
        next_step.advance(3)
    written = capsys.readouterr().err
    assert ("Clustering" in written) is (delay > 0)
    assert "Embedding" in written


def test_bars_are_for_terminals_and_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not progress.shows_bars()  # pytest captures standard error
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    assert progress.shows_bars()
    monkeypatch.setattr(progress.sys, "stderr", None)  # pythonw on Windows
    assert not progress.shows_bars()
    monkeypatch.setitem(progress.sys.modules, "ipykernel", object())
    assert progress.shows_bars()


def test_a_line_that_is_logged_shows_no_bar_before_its_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "shows_bars", lambda: True)
    log = logging.getLogger("alframe.test_progress")
    log.addHandler(handler := ProgressBarHandler())
    try:
        for delay in (60.0, 0.0):
            with Bar("Listing images", None, "img", delay=delay) as bar:
                bar.advance(3)
                log.warning("One of them is odd.")
                bar.advance(3)
            written = capsys.readouterr().err
            lines = written.replace("\r", "\n").splitlines()
            assert "One of them is odd." in lines
            assert any(line.startswith("Listing images") for line in lines) is (delay == 0)
    finally:
        log.removeHandler(handler)
