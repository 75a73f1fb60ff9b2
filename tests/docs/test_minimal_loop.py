"""examples/minimal_loop.py runs, shows what it says, and names files that exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "minimal_loop.py"


def test_chosen_labels_are_worth_more() -> None:
    run = runpy.run_path(str(EXAMPLE))["run"]
    curves = {sampler: np.mean([run(sampler, seed)[-4:] for seed in range(2)]) for sampler in ("random", "margin")}
    assert curves["margin"] > curves["random"] + 0.01


def test_it_names_files_that_exist() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    for path in re.findall(r"alframe/[\w/]+(?:\.py)?", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"\b(\w+\.py)\b", text):
        assert list((ROOT / "alframe").rglob(name)) or name == EXAMPLE.name, name
