"""Read what an object detector found in each image, from the files of all programs that are in use."""

from alframe.formats.detections.categories import category_kind
from alframe.formats.detections.columns import Detection, Detections
from alframe.formats.detections.paths import read_detections_of
from alframe.formats.detections.read import read_detections

__all__ = ["Detection", "Detections", "category_kind", "read_detections", "read_detections_of"]
