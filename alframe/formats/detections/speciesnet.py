"""SpeciesNet's predictions: one object for each image, with classes of the whole image."""

from __future__ import annotations

from typing import Any

from alframe.errors import FormatError
from alframe.formats.detections.columns import Classes, Entry, Row, best_first
from alframe.formats.detections.pixels import Sizes
from alframe.formats.detections.values import fractions_of, list_of, number_of, path_of, rows_of

_NAMES = {"1": "animal", "2": "human", "3": "vehicle"}  # the format's own, which it does not write


def speciesnet(entry: dict[str, Any], _: Sizes) -> Entry:
    """One element of `predictions`; the classes of the image are given to each of its animals.

    A class keeps the whole text "uuid;class;order;family;genus;species;common name". Missing detections mean that the
    detector failed or did not run. Source: github.com/google/cameratrapai.
    """
    path = path_of(entry, "filepath")
    found = entry.get("detections")
    if found is None:
        failures = ", ".join(map(str, list_of(entry.get("failures"), ".failures")))
        return Entry(path, failure=failures or "the detector did not run")
    classes = _classes(entry.get("classifications"))
    return Entry(path, rows_of(found, lambda one: _row(one, classes)))


def _row(one: dict[str, Any], classes: Classes) -> Row:
    name = one.get("label") or _NAMES.get(str(one.get("category")))
    if not isinstance(name, str):
        raise FormatError(": there is neither a label nor a known category.")
    return (
        name,
        number_of(one.get("conf"), ".conf"),
        *fractions_of(one.get("bbox"), ".bbox"),
        classes if name == "animal" else (),
    )


def _classes(value: Any) -> Classes:
    if value is None:
        return ()
    names, scores = (value.get("classes"), value.get("scores")) if isinstance(value, dict) else (None, None)
    if not isinstance(names, list) or not isinstance(scores, list) or len(names) != len(scores):
        raise FormatError(".classifications has no classes and scores of one length.")
    return best_first((str(name), number_of(p, ".scores")) for name, p in zip(names, scores, strict=True))
