"""Read what an object detector found in each image, from the files of all programs that are in use."""

from alframe.formats.detections.columns import Detection, Detections
from alframe.formats.detections.paths import match_images
from alframe.formats.detections.read import read_detections

__all__ = ["Detection", "Detections", "match_images", "read_detections"]
