"""The sections "... of your own" name what a part sees, and the parts that they show pass their suites."""

from __future__ import annotations

import csv
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import fields
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from alframe.errors import PoolError
from alframe.kit.answers import AnswerBuilder
from alframe.testing import (
    BackboneSuite,
    ComputeSuite,
    ExporterSuite,
    LossSuite,
    PoolSuite,
    SamplerSuite,
    StoppingSuite,
    TrackerSuite,
    tiny_pool,
)
from alframe.testing.records import evaluation, round_record
from alframe.types import Answers, Request, RoundRecord

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """Return the section of this heading."""
    return (DOCS / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def shown_code(page: str, heading: str) -> str:
    """Return the code of a section."""
    (code,) = re.findall(r"```python\n(.*?)```", section(page, heading), re.DOTALL)
    return str(code)


@cache
def shown_class(page: str, heading: str, name: str) -> Any:
    """Run the code of a section, and return the class that it defines."""
    names: dict[str, Any] = {"__name__": "shown"}
    exec(compile(shown_code(page, heading), page, "exec"), names)
    return names[name]


@pytest.mark.parametrize(
    ("page", "heading", "records"),
    [
        ("stopping.md", "A stopping rule of your own", [RoundRecord]),
        ("label_sources.md", "A label source of your own", [Request, Answers]),
    ],
)
def test_each_field_has_its_row(page: str, heading: str, records: list[Any]) -> None:
    rows = re.findall(r"^\| (`.*?) \| ", section(page, heading), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    for record in records:
        assert {field.name for field in fields(record)} <= named, record.__name__
    assert all(any(hasattr(record, name) for record in records) for name in named)


class TestShownSampler(SamplerSuite):
    def make(self) -> Any:
        return shown_class("samplers.md", "A sampler of your own", "NightFirst")()


class TestShownStoppingRule(StoppingSuite):
    def make(self) -> Any:
        return shown_class("stopping.md", "A stopping rule of your own", "ClassRecall")("empty", 0.6)

    def finished_history(self) -> list[RoundRecord]:
        return [round_record(0, accuracy=0.5), round_record(1, accuracy=None, audit=0.9)]


class TestShownExporter(ExporterSuite):
    left_out_classes = ("blank", "empty")

    def make(self) -> Any:
        return shown_class("exporters.md", "An exporter of your own", "SiteSpecies")()


class TestShownTracker(TrackerSuite):
    def make(self) -> Any:
        return shown_class("trackers.md", "A tracker of your own", "ClassRecalls")()

    def recorded_rounds(self, folder: Path) -> list[int]:
        return list(dict.fromkeys(int(row["round"]) for row in table(folder / "recalls.csv")))

    def recorded_recalls(self, folder: Path) -> dict[str, float]:
        return {row["class"]: float(row["recall"]) for row in table(folder / "recalls.csv")}


class TestShownLoss(LossSuite):
    def make(self) -> Any:
        return shown_class("losses.md", "A loss of your own", "BalancedSoftmax")()


class TestShownBackbone(BackboneSuite):
    def make(self) -> Any:
        return shown_class("backbones.md", "A backbone of your own", "ColourHistogram")()


class TestShownPool(PoolSuite):
    def make(self, folder: Path) -> Any:
        return shown_class("pools.md", "A pool of your own", "SiteTable")(folder / "images.csv", ["hill"])

    def fill_folder(self, folder: Path) -> None:
        images = sorted(tiny_pool(folder, classes=2, each=4).rglob("*.png"))
        rows = [
            f"{image.relative_to(folder).as_posix()};{'hill' if number % 2 else 'lake'};2024-05-0{number + 1} 10:00;fox"
            for number, image in enumerate(images)
        ]
        (folder / "images.csv").write_text("\n".join(["path;site;date;species", *rows]), encoding="utf-8")


def test_the_shown_pool_reads_all_columns(tmp_path: Path) -> None:
    suite = TestShownPool()
    suite.fill_folder(tmp_path)
    items = list(suite.make(tmp_path).items())
    assert {(item.camera, item.split, item.label) for item in items} == {
        ("hill", "test", "fox"),
        ("lake", "pool", "fox"),
    }
    assert [item.taken and item.taken.day for item in items] == list(range(1, 9))
    wrong = shown_class("pools.md", "A pool of your own", "SiteTable")(tmp_path / "images.csv", ["hil"])
    with pytest.raises(PoolError, match=r"no row has the site 'hil'\. Did you mean 'hill'\?"):
        list(wrong.items())


class TestShownDatabase(PoolSuite):
    def make(self, folder: Path) -> Any:
        photos = shown_class("pools.md", "A pool that is no folder", "PhotoDatabase")
        return photos(folder / "photos.sqlite", folder / "images")

    def fill_folder(self, folder: Path) -> None:
        folder.mkdir()
        with closing(sqlite3.connect(folder / "photos.sqlite")) as photos, photos:
            photos.execute("CREATE TABLE photo (name TEXT PRIMARY KEY, species TEXT, content BLOB)")
            rows = [(f"lake/{number}.jpg", "fox", b"pixels") for number in (3, 1, 2)]
            photos.executemany("INSERT INTO photo VALUES (?, ?, ?)", rows)


def test_the_shown_rows_of_json_lose_no_other(tmp_path: Path) -> None:
    read_json_rows = shown_class("label_sources.md", "A label source of your own", "read_json_rows")
    file, builder = tmp_path / "rows.jsonl", AnswerBuilder(["fox"], "ask")
    file.write_text('{"a": "\u2028"}\n\n{"a": \n[1]\n{"b": 2}\n', encoding="utf-8")
    assert list(read_json_rows(file, builder)) == [(1, {"a": "\u2028"}), (5, {"b": 2})]
    assert [problem.row for problem in builder.problems] == [3, 4] and builder.has_unread_rows


@pytest.mark.slow  # each of its tests starts processes
class TestShownCompute(ComputeSuite):
    @pytest.fixture(autouse=True)
    def module(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write the code into a module that other processes can import."""
        folder = tmp_path_factory.mktemp("shown")
        (folder / "shown_processes.py").write_text(shown_code("compute.md", "A compute of your own"), encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "shown_processes", raising=False)

    def make(self) -> Any:
        return import_module("shown_processes").Processes()


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_numbers_of_each_class_are_those_of_the_page() -> None:
    named = re.search(r"The keys are (.*?) \(", section("stopping.md", "A stopping rule of your own"))
    assert named is not None
    for row in evaluation(0.9, "test split").per_class:
        assert set(row) == set(re.findall(r"`(\w+)`", named[1]))
