"""The pictures of docs/web.md are those of the page, taken from a campaign that is labelled in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.label_sources.web.person import missing_browser
from tools import web_pictures

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def test_the_pictures_of_the_page_are_taken_from_a_campaign(tmp_path: Path) -> None:
    if missing := missing_browser():
        pytest.skip(missing)
    # In a process of its own: Playwright opens one browser at a time in a process, and other tests may have it open.
    subprocess.run([sys.executable, "-m", "tools.web_pictures", str(tmp_path)], cwd=ROOT, check=True)
    written = {}
    for file in tmp_path.iterdir():
        with Image.open(file) as opened:
            written[file.name] = opened.convert("L")
    page = (web_pictures.PICTURES.parent / "web.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\(pictures/(web-.*?\.png)\)", page))
    assert shown <= written.keys() == {file.name for file in web_pictures.PICTURES.glob("web-*.png")}
    for name, picture in written.items():
        with Image.open(web_pictures.PICTURES / name) as committed:
            assert picture.size == committed.size, name
        histogram = picture.histogram()
        assert max(histogram) < 0.9 * sum(histogram), f"{name} is blank"
