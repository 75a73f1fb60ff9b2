"""What a detector found in images, and the file that people and `boxes.file` read it from."""

from alframe.formats.detections import Detection
from alframe.formats.recognition import write_recognitions

__all__ = ["Detection", "write_recognitions"]
