"""The tables of names say what the code and the sections say, and leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from packaging.version import Version

from alframe.app.api import compose
from alframe.builtins import BUILTIN_PARTS, REGISTRIES
from tests.each import check_each
from tools.tables import END, PAGES, START, page

ROOT = Path(__file__).parents[2]


def test_every_table_is_current() -> None:
    def check(kind: str) -> None:
        assert PAGES[kind].read_text(encoding="utf-8") == page(kind), "run: python -m tools.tables"

    check_each([(kind,) for kind in PAGES], check)


def test_every_name_has_one_row() -> None:
    def check(kind: str) -> None:
        text = PAGES[kind].read_text(encoding="utf-8")
        table = text.partition(START)[2].partition(END)[0]
        rows = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| (.*) \|$", table, re.MULTILINE)
        assert [(name, link) for name, link, _ in rows] == [(name, name) for name in BUILTIN_PARTS[kind][1]]
        assert all(cell.strip() for _, _, cells in rows for cell in cells.split(" | "))

    check_each([(kind,) for kind in PAGES], check)


def test_every_kind_has_a_table() -> None:
    assert {*PAGES, "backbone"} == set(BUILTIN_PARTS)


def test_backbones_have_a_row_with_their_width_and_size() -> None:
    text = (ROOT / "docs" / "backbones.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) \|", text, re.MULTILINE)
    choices = {file.stem for file in (ROOT / "conf" / "backbone").glob("*.yaml")} - set(BUILTIN_PARTS["backbone"][1])
    assert {name for name, _, _ in rows} == choices
    for name, width, millions in rows:
        backbone = REGISTRIES["backbone"].build(compose(f"backbone={name}", "backbone.pretrained=false").backbone)
        size = backbone.input_spec.size
        try:
            with torch.device("meta"):  # shapes without numbers
                network = backbone.module(0, weights=False).eval()
                dim = network(torch.empty(1, 3, size, size)).shape[1]
        except RuntimeError:  # old versions of PyTorch and timm cannot build RegNet so
            if Version(torch.__version__) >= Version("2.6"):
                raise
            continue
        parameters = sum(one.numel() for one in network.parameters())
        assert (int(width), float(millions)) == (dim, round(parameters / 1e6, 1)), name
