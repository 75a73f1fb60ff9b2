"""`alframe detect` writes the boxes that a detector finds in the images of a pool, for `boxes.file`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from alframe.contracts import Session
from alframe.errors import BadParams, PoolError
from alframe.kit.chunks import row_slices
from alframe.kit.detections import Detection, write_recognitions
from alframe.kit.exporting import explain_write_errors
from alframe.kit.image_paths import absolute_path
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.kit.progress import Bar
from alframe.kit.viewing import open_for_viewing
from alframe.types import Item, Outcome, OutcomeState
from alframe_megadetector.found_so_far import FoundSoFar, file_version

READERS = 4  # threads that open images while the detector works
HOW_TO = "pip download --no-deps zamba==2.7.2, then weights=zamba-2.7.2-py3-none-any.whl"


class Detector(Protocol):
    """A network with its weights; `batch` is how many pictures it takes at once."""

    name: str
    categories: tuple[str, ...]
    typical_threshold: float | None
    batch: int

    def detect(self, pictures: Sequence[Image.Image]) -> list[list[Detection]]:
        """Return what is found in each picture (RGB), the most confident first."""


class Detect:
    """Write the boxes that a detector finds in the images of the pool, as MegaDetector does.

    `weights`: the wheel of zamba 2.7.2 or the .pth in it (MegaDetectorLite), or a YOLO detector exported to ONNX.
    `out`: the file to write; null: detections.json in the working directory. Boxes below `min_confidence` are left out.
    `classes`, `image_size`: used only if an ONNX file does not give them. After each `chunk` of images, the results are
    on the disk. So a stopped run can continue, and a later run detects only in images that are new or have changed.
    """

    read_only = True

    def __init__(
        self,
        weights: str | Path | None = None,
        out: str | Path | None = None,
        min_confidence: float = 0.05,
        classes: Sequence[str] = (),
        image_size: int | None = None,
        chunk: int = 64,
    ) -> None:
        require_parameter("task 'detect'", 0 < min_confidence < 1, "between 0 and 1", min_confidence=min_confidence)
        require_at_least("task 'detect'", 1, chunk=chunk, image_size=image_size)
        self.weights, self.out = weights, out
        self.min_confidence, self.classes, self.image_size, self.chunk = (
            min_confidence,
            tuple(classes),
            image_size,
            chunk,
        )

    def run(self, session: Session) -> Outcome:
        """Detect in all images that are new. Raises BadParams for weights that cannot be used."""
        weights = self._find_weights()
        out = absolute_path(self.out or "detections.json")
        lines = out.with_name(f"{out.stem}.found.jsonl")
        if out.exists() and not lines.exists():
            raise BadParams(f"out={out} exists, and this task has not written it. Choose another name with out=.")
        detector = self._load(weights, str(session.parts.compute.device()))
        images = {item.image_id: item for item in session.parts.pool.items()}
        out.parent.mkdir(parents=True, exist_ok=True)
        found = FoundSoFar(lines, self._settings(weights, detector))
        results = self._detect_all(images, detector, found)
        with explain_write_errors(out):
            write_recognitions(out, sorted(results.items()), (), _info(detector), detector.categories)
        return Outcome(OutcomeState.DONE, _describe(results, detector, out))

    def _find_weights(self) -> Path:
        if self.weights is None:
            raise BadParams(f"Which detector? Give weights=FILE. Without one of your own: {HOW_TO}")
        weights = absolute_path(self.weights)
        if not weights.is_file():
            raise BadParams(f"weights={weights} is no file. This task downloads nothing. To get weights: {HOW_TO}")
        return weights

    def _load(self, weights: Path, device: str) -> Detector:
        if weights.suffix in (".whl", ".pth"):
            from alframe_megadetector.lite import MegaDetectorLite

            return MegaDetectorLite(weights, self.min_confidence, device)
        if weights.suffix == ".onnx":
            from alframe_megadetector.yolo_onnx import YoloOnnx

            return YoloOnnx(weights, self.min_confidence, self.classes, self.image_size, device)
        raise BadParams(
            f"weights={weights}: only .onnx, and the .whl or .pth of zamba 2.7.2, can be read. A .pt of YOLO can run "
            "any code when it is loaded: export it to ONNX first, as the README of alframe-megadetector says."
        )

    def _settings(self, weights: Path, detector: Detector) -> dict[str, Any]:
        """Return all that the results depend on beside the images."""
        with weights.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return {
            "version": 1,
            "weights": digest,
            "min_confidence": self.min_confidence,
            "categories": list(detector.categories),
            "image_size": self.image_size,
        }

    def _detect_all(
        self, images: dict[str, Item], detector: Detector, found: FoundSoFar
    ) -> dict[str, list[Detection] | str]:
        """Return what is in each image, or why it could not be read."""
        results: dict[str, list[Detection] | str] = {}
        new: list[tuple[str, list[int]]] = []
        for image, item in images.items():
            try:
                version = file_version(item.path)
            except OSError as error:
                results[image] = error.strerror or str(error)
                continue
            known = found.get(image, version)
            if known is None:
                new.append((image, version))
            else:
                results[image] = known
        with Bar("Detecting", total=len(new), unit="img") as bar, ThreadPoolExecutor(READERS) as readers:
            for rows in row_slices(len(new), self.chunk):
                opened = readers.map(lambda pair: _open(images[pair[0]].path), new[rows])
                done = []
                for batch in _batches(zip(new[rows], opened, strict=True), detector.batch, results):
                    detected = detector.detect([picture for _, picture in batch])
                    done += [(*pair, boxes) for (pair, _), boxes in zip(batch, detected, strict=True)]
                found.add(done)
                results |= {image: boxes for image, _, boxes in done}
                bar.advance(rows.stop - rows.start)
        return results


def _open(path: Path) -> Image.Image | str:
    try:
        return open_for_viewing(path).convert("RGB")
    except PoolError as error:
        return str(error)


def _batches(
    opened: Iterator[tuple[tuple[str, list[int]], Image.Image | str]],
    size: int,
    failures: dict[str, list[Detection] | str],
) -> Iterator[list[tuple[tuple[str, list[int]], Image.Image]]]:
    """Yield up to `size` pictures at a time, and note why others could not be opened."""
    batch: list[tuple[tuple[str, list[int]], Image.Image]] = []
    for pair, picture in opened:
        if isinstance(picture, str):
            failures[pair[0]] = picture
            continue
        batch.append((pair, picture))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _info(detector: Detector) -> dict[str, Any]:
    info: dict[str, Any] = {
        "detector": detector.name,
        "detection_completion_time": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }
    if detector.typical_threshold is not None:
        info["detector_metadata"] = {"typical_detection_threshold": detector.typical_threshold}
    return info


def _describe(results: dict[str, list[Detection] | str], detector: Detector, out: Path) -> str:
    failures = {image: reason for image, reason in results.items() if isinstance(reason, str)}
    boxes = [found for found in results.values() if not isinstance(found, str)]
    lines = [f"{len(results)} images: {sum(map(bool, boxes))} with a box, {boxes.count([])} without any."]
    if detector.typical_threshold is not None:
        sure = sum(any(each.confidence >= detector.typical_threshold for each in found) for found in boxes)
        lines.append(
            f"With a box of at least {detector.typical_threshold:g}, which is typical of this detector: {sure}."
        )
    if failures:
        image, reason = next(iter(failures.items()))
        lines.append(f"Could not be read: {len(failures)}, e.g. '{image}': {reason}")
    return "\n".join([*lines, f"Written: {out}", f'To label the boxes: "boxes.file={out}"'])
