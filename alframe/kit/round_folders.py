"""Where a round's ask lives, and how it is put into words."""

from __future__ import annotations

from pathlib import Path

from alframe.store.files import replacing
from alframe.types import Request


def round_folder(request: Request) -> Path:
    """The folder of this round alone, so that a late answer to an old round is never taken for a new one."""
    return request.folder / f"round-{request.round:03d}"


def asked_before(request: Request) -> bool:
    """Whether this round was asked before, which leaves a mark beside its folder; raises OSError.

    What is put there a second time had been removed by somebody, perhaps with an answer: that it lies there without
    one takes nothing back.
    """
    mark = _mark(request)
    if mark.exists():
        return True
    request.folder.mkdir(parents=True, exist_ok=True)
    with replacing(mark) as temporary:
        temporary.write_text("\n".join(request.classes), encoding="utf-8")
    return False


def classes_then(request: Request) -> tuple[str, ...]:
    """The classes there were when the round was asked first; later answers to earlier rounds may bring more."""
    try:
        return tuple(_mark(request).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeError):
        return ()


def _mark(request: Request) -> Path:
    return request.folder / f".round-{request.round:03d}.asked"


def count(number: int, noun: str) -> str:
    """A number of things in words: 1 image, 20 images."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
