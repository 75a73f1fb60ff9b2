"""The sections "... of your own" name what a part sees, and the parts that they show pass their suites."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from alframe.testing.records import evaluation, round_record
from alframe.testing.sampler import SamplerSuite
from alframe.testing.stopping import StoppingSuite
from alframe.types import Answers, Request, RoundRecord

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """Return the section of this heading."""
    return (DOCS / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def shown_class(page: str, heading: str, name: str) -> Any:
    """Run the code of a section, and return the class that it defines."""
    (code,) = re.findall(r"```python\n(.*?)```", section(page, heading), re.DOTALL)
    names: dict[str, Any] = {"__name__": "shown"}
    exec(compile(code, page, "exec"), names)
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


def test_the_numbers_of_each_class_are_those_of_the_page() -> None:
    named = re.search(r"The keys are (.*?) \(", section("stopping.md", "A stopping rule of your own"))
    assert named is not None
    for row in evaluation(0.9, "test split").per_class:
        assert set(row) == set(re.findall(r"`(\w+)`", named[1]))
