"""The site of the documentation builds without a warning, and holds every page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "zensical.toml"


def pages_of(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from pages_of([below] if isinstance(below, str) else below)


def test_every_page_is_in_the_menu_once() -> None:
    listed = sorted(pages_of(tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["nav"]))
    assert listed == sorted(page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md"))


def test_what_belongs_to_a_list_is_indented_by_four() -> None:
    """With fewer blanks, the site ends the list there, and the next step is number 1 again."""
    ends_list = re.compile(r"\n\n {1,3}(?![-*] )\S.*|\n {1,3}```.*")
    pages = sorted((ROOT / "docs").rglob("*.md"))
    found = [(page.name, line.strip()) for page in pages for line in ends_list.findall(page.read_text("utf-8"))]
    assert found == []


def test_the_site_builds_strictly(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="zensical is not installed: pip install 'alframe[docs]'")
    config = CONFIG.read_text(encoding="utf-8")
    for name in ("docs", "alframe"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / CONFIG.name).write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    api = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    assert 'id="alframe.open_session"' in api
    assert 'id="alframe.types.PoolView"' in api
    assert api.count('class-name">PoolView<') == 1, "each class is described once"
    assert broken_links(tmp_path / "site") == []


def broken_links(site: Path) -> list[str]:
    """The links and pictures of the pages, not of 404.html, which lead nowhere in the site; anchors too."""
    texts = {page: page.read_text("utf-8") for page in site.rglob("*.html") if page.name != "404.html"}
    anchors = {page: set(re.findall(r' id="([^"]*)"', text)) for page, text in texts.items()}
    broken = []
    for page, text in texts.items():
        for link in re.findall(r'(?:href|src)="([^"]*)"', text):
            path, _, anchor = link.partition("#")
            target = Path(os.path.normpath(page.parent / path)) if path else page
            target = target / "index.html" if target.is_dir() else target
            is_elsewhere = re.match(r"[a-z]+:", link) or anchor.startswith("__")  # of the theme's own switches
            if not is_elsewhere and (not target.is_file() or (anchor and anchor not in anchors.get(target, {anchor}))):
                broken.append(f"{page.relative_to(site)}: {link}")
    return broken
