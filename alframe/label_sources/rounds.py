"""Where a round's ask lives, and how it is put into words."""

from __future__ import annotations

from pathlib import Path

from alframe.types import Request


def round_folder(request: Request) -> Path:
    """The folder of this round alone, so that a late answer to an old round is never taken for a new one."""
    return request.folder / f"round-{request.round:03d}"


def asked_before(request: Request) -> bool:
    """Whether this round was asked before, which leaves a mark beside its folder; raises OSError.

    What is put there a second time had been removed by somebody, perhaps with an answer: that it lies there without
    one takes nothing back.
    """
    mark = request.folder / f".round-{request.round:03d}.asked"
    if mark.exists():
        return True
    request.folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    return False


def count(number: int, noun: str) -> str:
    """A number of things in words: 1 image, 20 images."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
