"""The MegaDetector output format, as MegaDetector, AddaxAI, PyTorch-Wildlife and many others write it."""

from __future__ import annotations

from reprlib import repr as shown
from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import Classes, Entry, Row, best_first
from alframe.formats.detections.pixels import Sizes
from alframe.formats.detections.values import fractions_of, list_of, number_of, path_of, rows_of


def megadetector(entry: dict[str, Any], _: Sizes) -> Entry:
    """One element of `images`. Null or missing detections mean that the image was not processed.

    Source: https://lila.science/megadetector-output-format, versions 1.0 to 1.6.
    """
    path = path_of(entry, "file")
    failure, found = entry.get("failure"), entry.get("detections")
    if failure is not None or found is None:
        return Entry(path, failure=str(failure or "it has no detections"))
    return Entry(path, rows_of(found, _row))


def _row(one: dict[str, Any]) -> Row:
    classes = one.get("classifications")
    return (
        str(one.get("category")),
        number_of(one.get("conf"), ".conf"),
        *fractions_of(one.get("bbox"), ".bbox"),
        _classes(classes) if classes else (),
    )


def _classes(value: Any) -> Classes:
    pairs = list_of(value, ".classifications")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise FormatError(f".classifications: {shown(pair)} is not a class and its confidence.")
    return best_first((str(name), number_of(confidence, ".classifications")) for name, confidence in pairs)
