"""The guide for ecologists says what alframe says, and its pictures are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.each import check_each

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "timelapse.md").read_text(encoding="utf-8")
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
PAGES = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))


def all_texts() -> str:
    """Every text in alframe's code, those of one f-string apart."""
    files = (ROOT / "alframe").rglob("*.py")
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def messages() -> list[str]:
    """The first column of the table of what alframe says."""
    (table,) = re.findall(r"^### In alframe\n\n.*\n\|---.*\n((?:\|.*\n)+)", GUIDE, re.MULTILINE)
    return [row.split("|")[1].strip() for row in table.splitlines()]


def test_alframe_says_what_the_guide_answers() -> None:
    texts = all_texts()
    assert not [message for message in messages() if not all(part in texts for part in message.split(" ... "))]


def test_pictures_are_shown_small_and_of_nobodys_computer() -> None:
    def check(picture: Path) -> None:
        svg = picture.read_text(encoding="utf-8")
        assert f"](pictures/{picture.name})" in PAGES
        assert len(svg) < 100_000
        assert not re.search(r"/(?:tmp|home|root|work|Users)/", svg)
        assert "url(http" not in svg  # nothing is fetched to show it

    check_each([(picture,) for picture in PICTURES], check)


def test_there_are_pictures_and_messages() -> None:
    assert GUIDE.count("](pictures/") == 5
    assert len(messages()) > 10
