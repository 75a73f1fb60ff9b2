"""The tables of names say what the code and the sections say, and leave nothing out."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import torch

from alframe.app.api import compose
from alframe.builtins import REGISTRIES, TABLE

ROOT = Path(__file__).parents[2]
TABLES = runpy.run_path(str(ROOT / "docs" / "tables.py"))
START, END = TABLES["START"], TABLES["END"]


@pytest.mark.parametrize("kind", TABLES["PAGES"])
def test_the_table_is_current(kind: str) -> None:
    now = TABLES["PAGES"][kind].read_text(encoding="utf-8")
    assert now == TABLES["page"](kind), "run: python docs/tables.py"


@pytest.mark.parametrize("kind", TABLES["PAGES"])
def test_every_name_has_one_row(kind: str) -> None:
    text = TABLES["PAGES"][kind].read_text(encoding="utf-8")
    table = text.partition(START)[2].partition(END)[0]
    rows = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| (.*) \|$", table, re.MULTILINE)
    assert [(name, link) for name, link, _ in rows] == [(name, name) for name in TABLE[kind][1]]
    assert all(cell.strip() for _, _, cells in rows for cell in cells.split(" | "))


def test_every_kind_has_a_table() -> None:
    assert {*TABLES["PAGES"], "backbone"} == set(TABLE)


def test_backbones_have_a_row_with_their_width_and_size() -> None:
    text = (ROOT / "docs" / "backbones.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) \|", text, re.MULTILINE)
    choices = {file.stem for file in (ROOT / "conf" / "backbone").glob("*.yaml")} - set(TABLE["backbone"][1])
    assert {name for name, _, _ in rows} == choices
    for name, width, millions in rows:
        backbone = REGISTRIES["backbone"].build(compose(f"backbone={name}", "backbone.pretrained=false").backbone)
        size = backbone.input_spec.size
        with torch.device("meta"):  # shapes without numbers
            network = backbone.module(0, weights=False).eval()
            dim = network(torch.empty(1, 3, size, size)).shape[1]
        parameters = sum(one.numel() for one in network.parameters())
        assert (int(width), float(millions)) == (dim, round(parameters / 1e6, 1)), name
