"""A folder of images that is renamed in the middle of a campaign: labels, requests, counts and exports go with it."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.journal_rows import NewAnswer
from alframe.label_sources.web.source import web_folder
from alframe.loop.answers import collect_and_store_answers, make_request
from alframe.loop.experiment import list_pool_into_ledger
from alframe.loop.phase_results import ProblemLog
from alframe.loop.round import run_round
from alframe.loop.serving import take_snapshot
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe
from tests.sheets import Row, answer_sheet, read_rows, sheet_path, top_folder

__all__ = ["alframe"]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Of a campaign by people on 60 images in three folders."""
    images = tiny_pool(tmp_path / "images", classes=3, each=20)
    words = [word for word in tiny_overrides(images, tmp_path / "runs") if "classes" not in word]
    return [*words, f"project={tmp_path / 'season'}", "start.labels=12", "batch=12", "audit=0.3"]


def truth(_: int, row: Row) -> str:
    return {"Station 7": "class_0"}.get(top_folder(row), top_folder(row))


@pytest.mark.slow
def test_labels_requests_and_counts_go_along(alframe: CommandLine, words: list[str], tmp_path: Path) -> None:
    project, images = tmp_path / "season", tmp_path / "images"
    words = [*words, "label_source=csv", "stopping.labels=30"]
    assert alframe(*words).code == 0
    answer_sheet(sheet_path(project, 1), truth)
    assert alframe(*words).code == 0
    asked = [row["path"] for row in read_rows(sheet_path(project, 2))]
    assert any(path.startswith("class_0/") for path in asked)
    (images / "class_0").rename(images / "Station 7")  # while round 2 is open
    (images / "class_1" / "003.png").rename(images / "lonely.png")
    answer_sheet(sheet_path(project, 2), truth)  # its list has the old names
    went_on = alframe(*words)
    assert went_on.code == 0, went_on.err
    said = went_on.out + went_on.err
    assert "21 images were moved or renamed" in said
    assert "was not requested" not in said
    assert not list(sheet_path(project, 2).parent.glob("to_label-*.csv")), "nothing was listed a second time"
    new_paths = {row["path"] for row in read_rows(sheet_path(project, 3))}
    assert not any(path.startswith("class_0/") for path in new_paths)
    status = alframe("status", f"project={project}").out
    assert re.search(r"60 in the pool = 24 labelled \+ 6 requested", status), status
    answer_sheet(sheet_path(project, 3), truth)
    finished = alframe(*words)
    assert finished.code == 0, finished.err
    with (project / "export" / "predictions.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len({row["path"] for row in rows}) == len(rows) == 60
    assert {row["path"].split("/")[0] for row in rows} == {"Station 7", "class_1", "class_2", "lonely.png"}
    labelled = [row for row in rows if row["label"]]
    assert len(labelled) == 30
    assert any(row["path"].startswith("Station 7/") for row in labelled)


def test_the_browser_keeps_one_name_for_all_rounds(words: list[str], tmp_path: Path) -> None:
    images, old_name, new_name = tmp_path / "images", "class_0/007.png", "Station 7/007.png"
    with open_session(*words, "label_source=web") as session:
        run_round(session, list_pool_into_ledger(session))
        ledger = session.ledger
        (stored,) = ledger.stored_rounds()
        asked = {ledger.items()[key].id for key in stored.keys}
        (images / "class_0").rename(images / "Station 7")
        list_pool_into_ledger(session)
        (images / "class_0").mkdir()
        shutil.copy(images / "class_1" / "000.png", images / old_name)  # another image takes the old name
        cache = list_pool_into_ledger(session)
        items = cache.listing.items
        key_of = ledger.keys_of([old_name, new_name])
        moved, other = key_of[new_name], key_of[old_name]
        served = take_snapshot(session, cache, None).items
        assert (served[moved].id, served[other].id) == (old_name, f"{old_name} ({other})")
        assert served[moved].path == images / new_name
        assert {item.id for item in make_request(session, stored, items).items} == asked
        with Journal.open(web_folder(session.project.request_folder)) as journal, journal.transaction():
            for name, class_name in ((served[moved].id, "fox"), (served[other].id, "hare")):
                journal.confirm_class(class_name, "Ana")
                journal.append_answers(name, "Ana", [NewAnswer(name, [class_name], 1, requested=name in asked)])
        collect_and_store_answers(session, items, ProblemLog())
        assert {row.item: row.class_name for row in ledger.stored_labels()} == {moved: "fox", other: "hare"}
