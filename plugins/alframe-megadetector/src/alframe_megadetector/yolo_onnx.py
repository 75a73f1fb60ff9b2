"""YOLO detectors that Ultralytics' programs have exported to ONNX, such as MegaDetector v5 and v1000."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alframe.errors import BadParams
from alframe.kit.detections import Detection
from alframe.types import Box
from alframe_megadetector.suppression import Floats, keep_best_boxes

DEFAULT_SIDE = 1280
GREY = 114  # around a picture, as in YOLO's own programs
OVERLAP = 0.45
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class YoloOnnx:
    """A detector with one input (B, 3, H, W), RGB from 0 to 1, and one output, in one of two layouts.

    YOLOv5: (B, n, 5 + C) with centre, size, objectness and class scores. Later ones, from the package ultralytics:
    (B, 4 + C, n) without objectness. `classes` name the C classes if the file does not; `image_size` is the side of the
    square where the file leaves it open. Raises BadParams for anything else.
    """

    typical_threshold: float | None = None  # of detectors in general, it is not known

    def __init__(
        self, weights: Path, min_confidence: float, classes: Sequence[str], image_size: int | None, device: str
    ) -> None:
        import onnxruntime

        wanted = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
        providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
        try:
            session = onnxruntime.InferenceSession(str(weights), providers=[*providers, "CPUExecutionProvider"])
        except Exception as error:  # its errors have no common class
            raise BadParams(f"weights={weights} cannot be loaded as an ONNX model: {error}") from error
        metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self.name, self._weights, self._session = weights.name, weights, session
        self.categories = tuple(classes) or _class_names(metadata, weights)
        self._is_later_layout = "task" in metadata  # which the package ultralytics writes, and YOLOv5 does not
        self._input, self._type, (batch, self._height, self._width) = _read_input(session, weights, image_size)
        self.batch = batch or 8
        self._has_fixed_batch = batch is not None
        self._min_confidence = min_confidence

    def detect(self, pictures: Sequence[Image.Image]) -> list[list[Detection]]:
        """Return what is found in each picture (RGB), the most confident first."""
        pixels = np.stack([self._fit(picture) for picture in pictures])
        missing = self.batch - len(pixels) if self._has_fixed_batch else 0
        pixels = np.pad(pixels, ((0, missing), (0, 0), (0, 0), (0, 0)))
        outputs = self._session.run(None, {self._input: pixels.astype(self._type)})
        found = self._boxes(outputs)[: len(pictures)]
        return [self._objects(rows, picture) for rows, picture in zip(found, pictures, strict=True)]

    def _boxes(self, outputs: Sequence[Any]) -> Floats:
        """Return (B, n, 4 + C) of the outputs, in either layout."""
        count, shapes = len(self.categories), [np.shape(output) for output in outputs]
        if len(outputs) == 1 and len(shapes[0]) == 3:
            found = np.asarray(outputs[0], np.float32)
            if self._is_later_layout and found.shape[1] == 4 + count:
                return found.transpose(0, 2, 1)
            if not self._is_later_layout and found.shape[2] == 5 + count:
                return np.concatenate([found[..., :4], found[..., 4:5] * found[..., 5:]], axis=2)
        expected = f"(B, {4 + count}, n)" if self._is_later_layout else f"(B, n, {5 + count})"
        raise BadParams(
            f"weights={self._weights}: its outputs have the shapes {shapes}, not one of {expected} as a detector of "
            f"{count} classes ({', '.join(self.categories)}) has. Export it as a detector, without NMS (nms=False)."
        )

    def _place(self, picture: Image.Image) -> tuple[float, int, int]:
        """Return how much a picture is enlarged, and where its left and top edges come to lie."""
        scale = min(self._width / picture.width, self._height / picture.height)
        left = (self._width - round(picture.width * scale)) / 2
        top = (self._height - round(picture.height * scale)) / 2
        return scale, round(left - 0.1), round(top - 0.1)

    def _fit(self, picture: Image.Image) -> Floats:
        """Return the picture as (3, H, W), its sides in proportion, in the middle of grey."""
        scale, left, top = self._place(picture)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        canvas = np.full((self._height, self._width, 3), GREY, np.uint8)
        canvas[top : top + size[1], left : left + size[0]] = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
        return canvas.transpose(2, 0, 1).astype(np.float32) / 255

    def _objects(self, rows: Floats, picture: Image.Image) -> list[Detection]:
        corners, confidence, classes = keep_best_boxes(rows, self._min_confidence, OVERLAP)
        scale, left, top = self._place(picture)
        sides = np.array([picture.width, picture.height] * 2)
        corners = np.clip((corners - np.array([left, top] * 2)) / (scale * sides), 0, 1)
        return [
            Detection(self.categories[number], float(sure), Box(x, y, right - x, bottom - y))
            for (x, y, right, bottom), sure, number in zip(
                corners.tolist(), confidence.tolist(), classes.tolist(), strict=True
            )
        ]


def _class_names(metadata: dict[str, str], weights: Path) -> tuple[str, ...]:
    """Return the names in the metadata, which is the text of a dict or a list of Python. Raises BadParams."""
    try:
        names = ast.literal_eval(metadata["names"])
        named = [names[number] for number in range(len(names))]
    except (KeyError, ValueError, SyntaxError, TypeError):
        raise BadParams(
            f"weights={weights}: the file does not name its classes. Give them in their order, e.g. "
            '"classes=animal,person,vehicle" for MegaDetector.'
        ) from None
    return tuple(map(str, named))


def _read_input(session: Any, weights: Path, image_size: int | None) -> tuple[str, Any, tuple[int | None, int, int]]:
    """Return the name, the type and (batch, height, width) of the input; batch is None if any size will do."""
    inputs = session.get_inputs()
    shape = inputs[0].shape
    if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or inputs[0].type not in _TYPES:
        raise BadParams(f"weights={weights}: its input is {inputs[0].type} {shape}, not float (B, 3, H, W).")
    side = image_size or DEFAULT_SIDE
    fixed = [size if isinstance(size, int) else None for size in shape]
    height, width = (side if size is None else size for size in fixed[2:])
    if image_size is not None and (height, width) != (image_size, image_size):
        raise BadParams(f"image_size={image_size}: the images of {weights} have {width} x {height} pixels.")
    return inputs[0].name, _TYPES[inputs[0].type], (fixed[0], height, width)
