"""Write the file of the objects that a detector found in images. The setting `boxes.file` reads such a file."""

from alframe.formats.detections import Detection
from alframe.formats.recognition import write_recognitions

__all__ = ["Detection", "write_recognitions"]
