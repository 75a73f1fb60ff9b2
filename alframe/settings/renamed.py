"""Settings that had another name: the old one is understood, with a warning."""

from __future__ import annotations

# old full name -> new full name
RENAMED: dict[str, str] = {}
