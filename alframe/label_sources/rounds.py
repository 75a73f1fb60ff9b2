"""Where a round's ask lives, and how it is put into words."""

from __future__ import annotations

from pathlib import Path

from alframe.types import Request


def round_folder(request: Request) -> Path:
    """The folder of this round alone, so that a late answer to an old round is never taken for a new one."""
    return request.folder / f"round-{request.round:03d}"


def count(number: int, noun: str) -> str:
    """A number of things in words: 1 image, 20 images."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
