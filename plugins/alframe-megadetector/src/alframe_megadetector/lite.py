"""MegaDetectorLite: the YOLOX-tiny that the wheel of zamba carries (DrivenData, MIT licence)."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from alframe.errors import BadParams
from alframe.kit.detections import Detection
from alframe.types import Box
from alframe_megadetector.suppression import keep_best_boxes
from alframe_megadetector.yolox import YoloxTiny

MEMBER = "zamba/object_detection/yolox/assets/yolox_tiny_640_20220528.pth"
SHA256 = "31f8690fc62f9d0756f1e8c09b0b02e5ade106173ed0a30743d47c004f88f4e0"
SIDE = 640
OVERLAP = 0.45  # as in zamba


class MegaDetectorLite:
    """Finds animals; one class, images fitted into 640 x 640 pixels.

    `min_confidence`: boxes of less are left out. `device` is a name that PyTorch knows.
    """

    name = "MegaDetectorLite (zamba, yolox_tiny_640_20220528)"
    typical_threshold: float | None = 0.25  # as in zamba
    categories: tuple[str, ...] = ("animal",)
    batch = 8

    def __init__(self, weights: Path, min_confidence: float, device: str) -> None:
        network = YoloxTiny(classes=1)
        network.load_state_dict(_read_state(weights))
        self._network = network.eval().to(device)
        self._min_confidence, self._device = min_confidence, device

    def detect(self, pictures: Sequence[Image.Image]) -> list[list[Detection]]:
        """Return what is found in each picture (RGB), the most confident first."""
        pixels = torch.from_numpy(np.stack([_fit(picture) for picture in pictures])).permute(0, 3, 1, 2)
        with torch.inference_mode():
            found = self._network(pixels.to(self._device, torch.float32)).cpu().numpy()
        return [self._objects(rows, picture) for rows, picture in zip(found, pictures, strict=True)]

    def _objects(self, rows: np.ndarray, picture: Image.Image) -> list[Detection]:
        corners, confidence, _ = keep_best_boxes(rows, self._min_confidence, OVERLAP)
        scale = min(SIDE / picture.width, SIDE / picture.height)
        corners = np.clip(corners / (scale * np.array([picture.width, picture.height] * 2)), 0, 1)
        return [
            Detection("animal", float(sure), Box(x, y, right - x, bottom - y))
            for (x, y, right, bottom), sure in zip(corners.tolist(), confidence.tolist(), strict=True)
        ]


def _fit(picture: Image.Image) -> np.ndarray:
    """Return the picture as (640, 640, 3) uint8: its sides in proportion, black to the right or below."""
    scale = min(SIDE / picture.width, SIDE / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[: size[1], : size[0]] = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    return square


def _read_state(weights: Path) -> dict[str, torch.Tensor]:
    """Return the state dict of the weights, after their checksum was compared. Raises BadParams."""
    if weights.suffix == ".whl":
        with zipfile.ZipFile(weights) as wheel:
            try:
                content = wheel.read(MEMBER)
            except KeyError:
                raise BadParams(f"weights={weights}: this wheel has no {MEMBER}. Take zamba==2.7.2.") from None
    else:
        content = weights.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise BadParams(
            f"weights={weights}: the SHA-256 of the weights is {digest}, not {SHA256}. Only the weights of zamba 2.7.2 "
            "are known: pip download --no-deps zamba==2.7.2"
        )
    state: dict[str, torch.Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["model"]
    return state
