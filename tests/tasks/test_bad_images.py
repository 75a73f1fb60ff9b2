"""What cannot be read is said by every command that comes upon it, and what others can see is used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from alframe.engine.embedding import embed_pool
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe

__all__ = ["alframe"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Class folders, with two JPEGs without their last bytes, three that are lost, and files that are no images."""
    root = tiny_pool(tmp_path / "images", classes=3, each=12)
    for name, lost in (("class_0/eoi.jpg", 2), ("class_1/end.jpg", 20), ("class_2/half.jpg", 400)):
        path = root / name
        Image.open(path.with_name("000.png")).resize((96, 96)).save(path, quality=95)
        path.write_bytes(path.read_bytes()[:-lost] if lost < 100 else path.read_bytes()[: lost + 300])
    (root / "class_0" / "empty.jpg").touch()
    (root / "class_0" / "page.jpg").write_bytes(b"<html>Not found</html>")
    (root / "class_0" / "clip.MP4").touch()
    (root / "class_0" / "clip.CR2").touch()
    return root


LINE = (
    "Images that cannot be read and are left out: 3. Images that are used although they are incomplete: 2. "
    "The list with reasons: python -m alframe status project=season"
)


def test_each_command_says_it(alframe: CommandLine, images: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(images, tmp_path / "runs"), "project=season", "label_source=csv", "stopping.labels=60"]
    first = alframe(*words, "pool.class_level=1")
    assert first.code == 0, first.err
    assert f"Left out below {images}: 1 raw file, 1 video." in first.err
    assert LINE in first.out
    again = alframe("project=season")
    assert LINE in again.out, "it is not forgotten while people label"
    status = alframe("status", "project=season").out
    assert "Images that cannot be read: 3\n" in status
    assert "class_0/empty.jpg: the file is empty" in status
    assert "Images that are used although they are incomplete: 2\n" in status
    assert "class_1/end.jpg: its last bytes are missing" in status
    exported = alframe("export", "project=season")
    assert LINE in exported.out, exported.err
    table = pd.read_csv(tmp_path / "season" / "export" / "predictions.csv")
    assert {"class_0/eoi.jpg", "class_1/end.jpg"} <= set(table["path"])
    assert len(table) == 36 + 2 + 3
    assert table["prediction"].notna().sum() == 36 + 2, "what cannot be read keeps the pool's label alone"
    predicted = alframe("predict", f"images={images}", "model=season/export/model")
    assert "3 could not be read; unreadable.csv gives the reasons." in predicted.out, predicted.err
    assert "Images that are incomplete but were predicted: 2, e.g. class_0/eoi.jpg (its last bytes" in predicted.out


def test_a_file_that_was_copied_again_is_no_longer_marked(alframe: CommandLine, images: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(images, tmp_path / "runs"), "project=season", "label_source=csv"]
    words = [word for word in words if "classes" not in word]
    assert alframe(*words, "batch=2", "start.labels=2").code == 0
    for name in ("class_0/eoi.jpg", "class_1/end.jpg", "class_2/half.jpg"):
        Image.open(images / "class_0" / "000.png").save(images / name)
    for name in ("class_0/empty.jpg", "class_0/page.jpg"):
        shutil.copy(images / "class_0" / "000.png", images / name)
    assert alframe("withdraw", "project=season").code == 0
    again = alframe("project=season")
    assert again.code == 0
    assert "The list with reasons" not in again.out
    assert "missing" not in alframe("status", "project=season").out


def test_the_mark_is_kept_with_the_file(
    alframe: CommandLine, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*tiny_overrides(images, tmp_path / "runs"), "label_source=csv"]
    assert alframe(*words, f"project={tmp_path / 'runs' / 'one'}").code == 0
    monkeypatch.setattr(embed_pool, "process_shards", lambda *_: iter(()))  # nothing is decoded again
    other = alframe(*words, f"project={tmp_path / 'runs' / 'two'}")
    assert "they are incomplete: 2." in other.out, other.err
