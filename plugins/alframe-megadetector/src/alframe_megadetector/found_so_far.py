"""What was found so far: a file with a line for each image, to which chunks are added."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from alframe.kit.detections import Detection
from alframe.kit.files import replace_file
from alframe.types import Box

log = logging.getLogger(__name__)


class FoundSoFar:
    """The lines in `file` that were made with the same `settings`; those of other settings are set aside.

    After kill -9 or a power cut, all chunks that were added are there, and a line that was cut off is dropped.
    """

    def __init__(self, file: Path, settings: Mapping[str, Any]) -> None:
        self._file = file
        self._found: dict[str, tuple[list[int], list[Detection]]] = {}
        self._end = 0
        header = json.dumps({"settings": dict(settings)}, sort_keys=True)
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        if lines and lines[0].decode(errors="replace").strip() == header:
            for line in lines:
                if not line.endswith(b"\n") or not self._read(line):
                    break
                self._end += len(line)
        else:
            if lines:
                kept = file.with_name(f"{file.name}.old")
                replace_file(file, kept)
                log.warning("%s was made with other settings. It is kept as %s, and all images are new.", file, kept)
            file.write_text(header + "\n", encoding="utf-8", newline="\n")
            self._end = file.stat().st_size

    def _read(self, line: bytes) -> bool:
        """Take in a line; return False if it is damaged."""
        try:
            entry = json.loads(line)
            if "file" in entry:
                boxes = [Detection(name, sure, Box(*box)) for name, sure, box in entry["detections"]]
                self._found[entry["file"]] = (entry["version"], boxes)
        except (ValueError, KeyError, TypeError):
            return False
        return True

    def get(self, image: str, version: list[int]) -> list[Detection] | None:
        """Return what was found in an image; None if it is new, or its file has another size or time now."""
        known = self._found.get(image)
        return known[1] if known is not None and known[0] == version else None

    def add(self, chunk: Iterable[tuple[str, list[int], list[Detection]]]) -> None:
        """Add a chunk of (image, version of its file, detections), and write it through to the disk."""
        lines = []
        for image, version, found in chunk:
            self._found[image] = (version, found)
            boxes = [
                [each.category, each.confidence, [each.box.x, each.box.y, each.box.w, each.box.h]] for each in found
            ]
            lines.append(json.dumps({"file": image, "version": version, "detections": boxes}) + "\n")
        content = "".join(lines).encode()
        with self._file.open("r+b") as handle:
            handle.truncate(self._end)  # what a kill has cut off
            handle.seek(self._end)
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        self._end += len(content)


def file_version(path: Path) -> list[int]:
    """Return the size of a file and the time of its last change in ns. Raises OSError."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
