"""A ledger that a drive or another program has spoilt is named, with a remedy, and never overwritten."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import AlframeError, StoreError
from alframe.store.events import DuplicateCounts, FineTuned, Predicted, RequestClosed, Requested, ShownContent
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.types import Box, Evaluation, Item, Label, RoundRecord, Selection

EVENTS = (ShownContent, Predicted, DuplicateCounts, Requested, RequestClosed, FineTuned)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with something in every table."""
    folder = tmp_path_factory.mktemp("whole")
    now = datetime(2026, 5, 1, tzinfo=UTC)
    with Ledger.open(folder) as ledger, ledger.transaction():
        items = [
            Item(f"a/{key}.jpg", folder / f"{key}.jpg", taken=now, box=Box(0, 0, 1, 1), meta={"x": "ü"})
            for key in range(40)
        ]
        ledger.add_items(0, items)
        ledger.add_round(1, {"recipes": {"label_source": {"name": "csv"}}}, {}, {}, Selection(np.arange(9), None), [2])
        events = (
            ShownContent(["00" * 16] * 9),
            Predicted(["fox"] * 9, [0.5] * 9),
            Requested(),
            FineTuned(3, "x"),
            RequestClosed(9),
        )
        for event in (*events, DuplicateCounts(1, 1)):
            ledger.add_event(1, event)
        labels = [(key, Label(f"a/{key}.jpg", "fox", "anna", now, "x.csv", key)) for key in range(9)]
        ledger.add_labels(labels, 1, "csv")
        ledger.mark_unreadable([(9, "it is gone")])
        evaluation = Evaluation("test", 9, 1, 0, 1, 1, 1, 1, 1, ("fox",), ((9,),), ({"recall": 1.0},))
        ledger.add_record(RoundRecord(1, 9, 30, 1, ("fox",), evaluation, "0", {}, now))
    with closing(sqlite3.connect(folder / LEDGER_NAME)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / LEDGER_NAME


def read_all(folder: Path, read_only: bool = True) -> None:
    with Ledger.open(folder, read_only) as ledger:
        items = ledger.items()
        for stored_round in ledger.stored_rounds():
            assert len([items[key] for key in stored_round.keys]) == len(stored_round.keys)
        [items[label.item].id and label.time for label in ledger.stored_labels()]
        [items[key] for key in ledger.unreadable_reasons()]
        ledger.latest_config()
        ledger.history()
        list(map(ledger.events_of, EVENTS))


def spoil(data: bytes, dice: random.Random) -> bytes:
    """Flip bits, or overwrite or cut off a piece."""
    spoilt = bytearray(data)
    match dice.randrange(4):
        case 0 | 1:
            for _ in range(dice.choice([1, 1, 5, 50])):
                spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
        case 2:
            start, length = dice.randrange(len(spoilt)), dice.choice([1, 16, 512, 4096])
            piece = len(spoilt[start : start + length])
            spoilt[start : start + length] = dice.choice([bytes(piece), b"{" * piece, dice.randbytes(piece)])
        case 3:
            del spoilt[dice.randrange(len(spoilt)) :]
    return bytes(spoilt)


@pytest.mark.parametrize("times", [300, pytest.param(20_000, marks=pytest.mark.slow)])
def test_spoilt_bytes_are_named_with_a_remedy(times: int, whole: Path, tmp_path: Path) -> None:
    dice, data, named = random.Random(times), whole.read_bytes(), 0
    for _ in range(times):
        (tmp_path / LEDGER_NAME).write_bytes(spoilt := spoil(data, dice))
        try:
            read_all(tmp_path)
        except StoreError as error:
            named += 1
            assert str(tmp_path / LEDGER_NAME) in str(error) or "ledger's label" in str(error)
        assert (tmp_path / LEDGER_NAME).read_bytes() == spoilt
    assert named > times / 5


def test_a_restored_backup_is_taken(whole: Path, tmp_path: Path) -> None:
    """The remedy that the message names."""
    (tmp_path / LEDGER_NAME).write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / f"{LEDGER_NAME}-wal").write_bytes(b"left over")
    with pytest.raises(StoreError, match=r"Restore it from a backup, and remove ledger\.sqlite-wal"):
        read_all(tmp_path)
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"{LEDGER_NAME}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(whole, tmp_path / LEDGER_NAME)
    read_all(tmp_path)
    read_all(tmp_path, read_only=False)


@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_no_ledger_is_left_alone(read_only: bool, tmp_path: Path) -> None:
    file = tmp_path / LEDGER_NAME
    file.mkdir()
    with pytest.raises(StoreError, match=r"is a folder\. Move it away"):
        Ledger.open(tmp_path, read_only)
    file.rmdir()
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE item (name)")
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"is not a ledger: it has the tables item\. Move it away"):
        Ledger.open(tmp_path, read_only)
    assert file.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_ledger_of_no_bytes_does_not_start_the_project_anew(read_only: bool, tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).touch()
    if not read_only:
        Ledger.open(tmp_path).close()  # killed at its birth
        (tmp_path / LEDGER_NAME).write_bytes(b"")
    (tmp_path / "to_label").mkdir()
    with pytest.raises(StoreError, match="is empty, though the project has begun"):
        Ledger.open(tmp_path, read_only)


def test_keys_without_items_are_damage(whole: Path, tmp_path: Path) -> None:
    shutil.copyfile(whole, tmp_path / LEDGER_NAME)
    with closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as db, db:
        db.execute("DROP TRIGGER selection_no_update")
        db.execute("UPDATE selection SET item = 4000 WHERE rank = 3")
    with pytest.raises(AlframeError, match="items are missing"):
        read_all(tmp_path)


def test_text_in_the_place_of_a_key_is_named(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole, tmp_path / LEDGER_NAME)
    with closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as db, db:
        db.execute("INSERT INTO aside (item, at) VALUES ('not a key', '2026-05-01')")
    with pytest.raises(StoreError, match="items are missing"):
        read_all(tmp_path)
