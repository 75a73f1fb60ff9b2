"""Read the detections of each image from the files of all common detection programs."""

from alframe.formats.detections.columns import OLD_MEGADETECTOR_THRESHOLD, Detection, Detections, category_kind
from alframe.formats.detections.paths import match_detections
from alframe.formats.detections.read import read_detections

__all__ = [
    "OLD_MEGADETECTOR_THRESHOLD",
    "Detection",
    "Detections",
    "category_kind",
    "match_detections",
    "read_detections",
]
