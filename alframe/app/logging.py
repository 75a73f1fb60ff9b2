"""Log messages: in the terminal with progress bars, in plain text, and in the log file of the project."""

from __future__ import annotations

import errno
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from alframe.builtins import REGISTRIES
from alframe.errors import AlframeError

log = logging.getLogger(__name__)


class ProgressBarHandler(logging.Handler):
    """A handler that writes to standard error without damaging a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        with suppress(OSError):  # where standard error is on a full disk, a message is not worth the campaign
            tqdm.write(self.format(record), file=sys.stderr)


class RepeatedWarningFilter(logging.Filter):
    """A filter that lets each warning pass once."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is no warning, or one with a new text."""
        if record.levelno != logging.WARNING:
            return True
        text = record.getMessage()
        is_new = text not in self.passed
        self.passed.add(text)
        return is_new


@cache
def _filter_of_sweep(folder: str) -> RepeatedWarningFilter:
    return RepeatedWarningFilter()


def show_warnings_once(sweep_folder: str) -> None:
    """Let the console show each warning of a sweep's runs once; the log file of each run keeps all of them."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, ProgressBarHandler):
            handler.addFilter(_filter_of_sweep(sweep_folder))


class MessageFormatter(logging.Formatter):
    """A formatter that prints only the message, with the level before warnings and errors."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno < logging.WARNING else f"{record.levelname.capitalize()}: {text}"


class TokenHidingFormatter(logging.Formatter):
    """A formatter for a file that others may read: it removes the access token from links to pages."""

    def format(self, record: logging.LogRecord) -> str:
        return re.sub(r"#token=[\w-]+", "#token=...", super().format(record))


class FailSafeLogHandler(logging.FileHandler):
    """A handler of a log file. If the file cannot be written, it stops with a warning, and the campaign continues."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Stop writing the file, and say why."""
        logging.getLogger().removeHandler(self)
        log.warning("%s cannot be written: %s. alframe continues without it.", self.baseFilename, sys.exc_info()[1])

    def close(self) -> None:
        """Close the file, whatever of it could not be written."""
        with suppress(OSError):
            super().close()


@contextmanager
def log_to_folder(folder: Path) -> Iterator[None]:
    """Keep all messages in ``folder/alframe.log`` as well, with their times, and the traceback of an error."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = FailSafeLogHandler(folder / "alframe.log", encoding="utf-8", delay=True)
    handler.setFormatter(TokenHidingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    except Exception as error:
        ends = logging.LogRecord("alframe", logging.ERROR, __file__, 0, "Ended by an error", (), sys.exc_info())
        handler.handle(ends)
        if not isinstance(error, AlframeError | OSError):
            error.add_note(f"The traceback is at the end of {handler.baseFilename}.")
        raise
    finally:
        root.removeHandler(handler)
        handler.close()


def describe_error(error: Exception) -> str:
    """Return the message for people about an error that ended a task."""
    if isinstance(error, AlframeError):
        return str(error)
    if isinstance(error, OSError):  # a full disk, a drive that is gone, a file that another program holds
        files = " -> ".join(str(file) for file in (error.filename, error.filename2) if file is not None)
        what = ": ".join(filter(None, (error.strerror, files))) or str(error)
        if error.errno == errno.ENAMETOOLONG:
            return f"{what}. Choose a shorter name for its folder."
        return f"{what}. The work done so far is kept. Fix this, and run the same command again to continue."
    notes = getattr(error, "__notes__", ["Set HYDRA_FULL_ERROR=1 for the traceback."])
    part = _find_plugin(error)
    where = "alframe" if part is None else f"{part}, which is not alframe's: report it to its maintainer"
    return f"Unexpected error in {where}: {type(error).__name__}: {error}\n{notes[-1]}"


def _find_plugin(error: BaseException) -> str | None:
    """Return the part of a plugin whose code raised an error, directly or in a function it called; or None."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        for kind, registry in REGISTRIES.items():
            for part in (part for entries in registry.parts().values() for part in entries if part.owner != "alframe"):
                if re.split("[.:]", part.target)[0] == package:
                    return f"{part.owner} {part.version} ({kind} '{part.name}')"
    return None
