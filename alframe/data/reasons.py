"""Explain to users why a file cannot be read as a picture."""

from __future__ import annotations

from PIL import Image, UnidentifiedImageError

from alframe.drives import is_drive_failure

NO_SUCH_FILE = "there is no such file"
NO_MEMORY = "there is not enough memory to decode it"


class UnreadableImage(Exception):
    """The fault is in the file; the message is the reason."""


class ReadableOtherwise(Exception):
    """Other settings, or another package, could read the file; the message is the reason."""


def explain_file_error(error: OSError | ValueError | MemoryError) -> str:
    """Return the reason why the file's bytes cannot be read."""
    if isinstance(error, MemoryError):
        return NO_MEMORY
    if isinstance(error, OSError) and is_drive_failure(error):
        return f"the drive or the network failed: {error.strerror or error}"
    if isinstance(error, FileNotFoundError):
        return NO_SUCH_FILE
    if isinstance(error, IsADirectoryError):
        return "it is a folder, not a file"
    if isinstance(error, PermissionError):
        return "permission denied: this user may not read the file"
    return f"the file cannot be read: {getattr(error, 'strerror', None) or error}"


def explain_outside_cause(error: Exception) -> str | None:
    """Return the reason if the fault is not in the file; None if it is in its bytes."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return NO_MEMORY
    if isinstance(error, ReadableOtherwise):
        return str(error)
    # An OSError with a number is the system's, not Pillow's: the bytes are in memory. Codecs are imported when needed.
    if isinstance(error, ImportError) or getattr(error, "errno", None) is not None:
        return f"it cannot be decoded: {error}"
    return None


def explain_bad_image(error: Exception, data: bytes) -> str:
    """Return the reason why these bytes are not a picture."""
    if not data:
        return "the file is empty (0 bytes)"
    if isinstance(error, UnreadableImage):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image, or its format cannot be read (JPEG, PNG, TIFF, WebP and .npy can)"
    if isinstance(error, Image.DecompressionBombError):
        return f"it claims more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, too many to open safely; shrink it"
    if "truncated" in str(error).lower():
        return "the picture is cut short; copy the file again from its source"
    return f"the picture is damaged ({type(error).__name__}: {error})"
