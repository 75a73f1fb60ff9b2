"""A small table says by how much a camera's clock was wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alframe.engine.listing.clock_offsets import correct_clocks, parse_offset
from alframe.engine.listing.pool_listing import sync_pool_listing
from alframe.errors import PoolError
from alframe.settings import Sequences
from alframe.store.ledger import Ledger
from alframe.types import Item, ItemColumns
from tests.each import check_each

NOON = datetime(2024, 5, 1, 12)
CAMERAS = ("A/cam1", "B/cam1", "B/cam2", None)


@dataclass
class Listed:
    """A pool that lists what it is given."""

    found: Sequence[Item]

    def items(self) -> Iterator[Item]:
        return iter(self.found)


def pool() -> list[Item]:
    return [Item(f"x/{n}.jpg", Path(f"/pool/x/{n}.jpg"), camera=name, taken=NOON) for n, name in enumerate(CAMERAS)]


def table(folder: Path, *rows: str) -> str:
    (folder / "offsets.csv").write_text("\n".join(["Camera;Offset", *rows]), encoding="utf-8")
    return str(folder / "offsets.csv")


def test_what_an_offset_may_look_like() -> None:
    hour = timedelta(hours=1)
    cases: list[tuple[str, timedelta | None]] = [
        ("+1:00:00", hour),
        ("1:00", hour),
        ("-0:02:30", timedelta(minutes=-2, seconds=-30)),
        ("3600", hour),
        ("-3600", -hour),
        ("+365 days", timedelta(365)),
        ("-1 day 1:00", -timedelta(1) - hour),
        ("2d", timedelta(2)),
        *((text, None) for text in ("", "an hour", "1:75", "1h", "+", "1e9 days", "9" * 30)),
    ]

    def check(text: str, expected: timedelta | None) -> None:
        assert parse_offset(text) == expected

    check_each(cases, check)


def test_the_times_of_a_camera_are_corrected_and_those_of_others_stay(tmp_path: Path) -> None:
    file = table(tmp_path, "A\\cam1;+1:00:00", "cam2;-1 day", "x;10")
    hours = [item.taken and item.taken - NOON for item in correct_clocks(ItemColumns.of(pool()), file)]
    assert hours == [timedelta(hours=1), timedelta(0), timedelta(-1), timedelta(seconds=10)]
    assert list(correct_clocks(ItemColumns.of(pool()), None)) == pool()


def test_a_table_that_cannot_be_used_is_named_with_the_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for row, message in (
        ("cam1;60", "row 2: the camera 'cam1' may be A/cam1, B/cam1. Write the whole name"),
        ("cam2;an hour", r"row 2: 'an hour' is not an offset. Write .*\+1:00:00"),
        ("cam2;1\ncam2;2", "row 3: 'cam2' is in row 2 too"),
    ):
        with pytest.raises(PoolError, match=message):
            correct_clocks(ItemColumns.of(pool()), table(tmp_path, row))
    with pytest.raises(PoolError, match="cannot be read"):
        correct_clocks(ItemColumns.of(pool()), str(tmp_path / "none.csv"))
    assert list(correct_clocks(ItemColumns.of(pool()), table(tmp_path, "cam9;60"))) == pool()
    assert "no image with a time has the camera 'cam9'" in caplog.text


def test_the_ledger_keeps_what_the_camera_said_so_that_the_table_can_be_corrected(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        for offset in (60, 120):
            settings = Sequences(clock_offsets=table(tmp_path, f"cam2;{offset}"))
            items = sync_pool_listing(ledger, Listed(pool()), 0, "sequence", 0, settings).items
            assert items[2].taken == NOON + timedelta(seconds=offset)
            assert items[2].sequence == f"B/cam2 {NOON}"
        assert ledger.items()[2].taken == NOON
