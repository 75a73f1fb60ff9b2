"""Read what an object detector found in each image, from the files of all programs that are in use."""

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
