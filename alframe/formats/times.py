"""Read times as cameras and camera-trap programs write them."""

from __future__ import annotations

import re
from datetime import datetime

# EXIF's colons, ISO's dashes with T or blank, an optional fraction; a zone or whatever else follows is ignored.
_TIME = re.compile(r"\s*(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)[T ]\s*(\d\d?):(\d\d)(?::(\d\d))?(?!\d)")


def parse_local_time(text: object) -> datetime | None:
    """Return the camera's local time that `text` says, to the second; None if it says none (blank, zeros, no text).

    A UTC offset is dropped, since the clock of the camera is what counts. A date alone is no time.
    """
    match = _TIME.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
