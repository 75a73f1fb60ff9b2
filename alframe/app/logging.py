"""Messages for people: past progress bars, in plain words, and into the project's own log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BesideBars(logging.Handler):
    """Writes to standard error without tearing a progress bar apart."""

    def emit(self, record: logging.LogRecord) -> None:
        import sys

        from tqdm import tqdm

        tqdm.write(self.format(record), file=sys.stderr)


class Words(logging.Formatter):
    """The message alone; warnings and errors say so first."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno < logging.WARNING else f"{record.levelname.capitalize()}: {text}"


@contextmanager
def logged_to(folder: Path) -> Iterator[None]:
    """Keep all messages in ``folder/alframe.log`` as well, with their times."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / "alframe.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
