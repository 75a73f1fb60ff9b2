"""Every row of what the predecessors do is answered once, by parts and tests that exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from alframe.app.api import compose
from alframe.builtins import KINDS, MOVED, REGISTRIES
from tests.app.test_conf import files

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "predecessors.md").read_text(encoding="utf-8")
NUMBERED = {"A1": 28, "A2": 12, "A3": 7, "A5": 6, "A7": 10, "A8": 10, "A9": 14, "B1": 13, "B2": 15, "B6": 9, "1C": 2}
AREAS = ("samplers", "losses", "loaders", "loop", "numbers", "files", "compatible")
ROWS = [
    *(f"{group}.{number + 1}" for group, count in NUMBERED.items() for number in range(count)),
    *("A1.hard", "A4", "A6", "A8.not", "B3", "B4", "B5", "B7"),
    *(f"1D.{area}" for area in AREAS),
]


def test_every_row_is_answered_once() -> None:
    rows = [line.strip("| ").split(" | ") for line in re.findall(r"^\| (?:[AB]\d|1[CD]).*$", PAGE, re.MULTILINE)]
    assert Counter(row[0] for row in rows) == Counter(ROWS)
    assert all(len(row) >= 3 and row[2].strip() for row in rows)


def test_every_part_exists() -> None:
    """As a YAML file: that each of them composes and builds its part is tested with the files."""
    parts = {(kind, name) for kind, name in re.findall(rf"`({'|'.join(REGISTRIES)})=(\w+)`", PAGE) if name != "null"}
    assert parts
    moved = {(kind, name) for kind, names in MOVED.items() for name in names}  # into plugins/
    assert not parts - set(files(*KINDS)) - moved


def test_every_test_exists() -> None:
    folders = (ROOT / "tests", ROOT / "alframe" / "testing", ROOT / "plugins")
    code = "".join(file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", PAGE)) - {"test_x"}
    assert named
    assert not named - set(re.findall(r"def (test_\w+)\(", code))


def test_every_setting_exists() -> None:
    """Those of the form ``key.parameter``, with the part that the row names or the default."""
    config = compose("experiment=null")
    for kind in ("finetune", "start", "holdout", "compare", "stopping", "compute", "boxes"):
        for path in sorted(set(re.findall(rf"`({kind}(?:\.\w+)+)(?:=[^`]*)?`", PAGE))):
            node = config
            for part in path.split("."):
                assert part in node, f"{path} is no setting"
                node = node[part]
