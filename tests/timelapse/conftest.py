"""Pictures to label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.timelapse.template import TemplateEditor


def picture(file: Path, taken: str = "2024:05:01 10:00:00") -> Path:
    """A small JPEG with the time it was taken, as a camera trap writes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    colour = np.random.default_rng(len(file.name)).integers(0, 255, 3, np.uint8)
    Image.fromarray(np.full((8, 8, 3), colour, np.uint8)).save(file, "JPEG", exif=exif)
    return file


def template(folder: Path, *species: str) -> TemplateEditor:
    """A user's template: Species, Selected, a count and a comment."""
    folder.mkdir(parents=True, exist_ok=True)
    editor = TemplateEditor.new(folder / "TimelapseTemplate.tdb")
    editor.add("FixedChoice", "Species", species or ("fox", "boar", "deer"))
    return editor.add("Flag", "Selected").add("Counter", "Count").add("Note", "Comments")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A set of four images at two stations, one of them with the same name as another, and a template."""
    folder = tmp_path / "images"
    for number, name in enumerate(("A/IMG_1.JPG", "A/IMG_2.JPG", "B/C/IMG_1.JPG", "B/C/IMG_3.jpg")):
        picture(folder / name, f"2024:05:01 10:00:0{number}")
    template(folder)
    return folder
