"""Which of a detector's categories are animals: files of other detectors have species, people and cars."""

from __future__ import annotations

_PERSONS = {"person", "human", "people", "man", "woman", "child", "pedestrian", "hiker", "cyclist", "homo sapiens"}
_VEHICLES = {
    "vehicle", "car", "truck", "lorry", "bus", "van", "motorcycle", "motorbike", "bicycle", "bike", "atv", "quad",
    "tractor", "train", "boat", "ship", "airplane", "aeroplane", "plane",
}  # fmt: skip
_NOTHING = {"empty", "blank", "none", "nothing", "background"}


def category_kind(name: str) -> str:
    """Return "person", "vehicle" or "empty" for a category or class of that meaning, and "animal" for all others."""
    name = name.replace("_", " ").strip().casefold()
    for kind, names in (("person", _PERSONS), ("vehicle", _VEHICLES), ("empty", _NOTHING)):
        if name in names or (name.endswith("s") and name[:-1] in names):
            return kind
    return "animal"
