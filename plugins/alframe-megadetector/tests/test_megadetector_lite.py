"""The network of MegaDetectorLite, its weights in the wheel, and the suppression of double boxes."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from alframe_megadetector import lite
from alframe_megadetector.suppression import keep_best_boxes
from alframe_megadetector.yolox import YoloxTiny
from PIL import Image

from alframe.errors import BadParams


def test_the_network_has_the_size_of_the_published_weights() -> None:
    network = YoloxTiny(classes=1).eval()
    assert len(network.state_dict()) == 462
    with torch.inference_mode():
        found = network(torch.zeros(1, 3, 64, 96))
    assert found.shape == (1, 8 * 12 + 4 * 6 + 2 * 3, 5)


def test_weights_are_read_from_the_wheel_if_their_checksum_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = YoloxTiny(classes=1)
    for prediction in network.head.obj_preds:
        torch.nn.init.constant_(prediction.bias, -20.0)  # nothing is anywhere
    torch.save({"model": network.state_dict(), "start_epoch": 1}, tmp_path / "weights.pth")
    wheel = tmp_path / "zamba.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tmp_path / "weights.pth", lite.MEMBER)
    with pytest.raises(BadParams, match="SHA-256"):
        lite.MegaDetectorLite(wheel, 0.1, "cpu")
    monkeypatch.setattr(lite, "SHA256", hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest())
    detector = lite.MegaDetectorLite(wheel, 0.1, "cpu")
    assert detector.detect([Image.new("RGB", (64, 48))]) == [[]]
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(BadParams, match="this wheel has no"):
        lite.MegaDetectorLite(wheel, 0.1, "cpu")


def test_of_boxes_on_one_object_the_most_confident_stays() -> None:
    rows = np.array(
        [
            [50, 50, 20, 20, 0.9, 0.1],
            [51, 50, 20, 20, 0.95, 0.1],  # the same object, more confident
            [50, 50, 20, 20, 0.1, 0.8],  # another class
            [80, 50, 20, 20, 0.5, 0.1],  # elsewhere
            [10, 10, 20, 20, 0.04, 0.01],  # too doubtful
        ],
        np.float32,
    )
    corners, confidence, classes = keep_best_boxes(rows, 0.05, 0.45)
    assert confidence.tolist() == pytest.approx([0.95, 0.8, 0.5])
    assert classes.tolist() == [0, 1, 0]
    assert corners[0].tolist() == [41, 40, 61, 60]
    assert len(keep_best_boxes(rows[:0], 0.05, 0.45)[0]) == 0
