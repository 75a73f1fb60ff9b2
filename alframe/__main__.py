"""``python -m alframe``, and the command `alframe`."""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys

from alframe.allocator import keep_freed_memory


def main() -> None:
    """Run the command line. Ctrl-C and SIGTERM print a message instead of a traceback, even during imports.

    Schedulers, service managers and computers that shut down end a program by SIGTERM.
    """
    terminations: list[int] = []

    def interrupt(number: int, _: object) -> None:
        _ignore_signals()  # some senders, as `timeout`, send it twice; Ctrl-C too would only stop the stopping
        terminations.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    collect_garbage_rarely()
    keep_freed_memory()
    replace_closed_streams()
    escape_what_output_cannot_show()
    try:
        from alframe.app.cli import main as command_line

        command_line()
    except BrokenPipeError:  # the reader, head or less, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _ignore_signals()  # pressed again, Ctrl-C would only interrupt these words
        sys.stderr.write("\nStopped. The work done so far is kept; run the same command again to continue.\n")
        sys.exit(128 + (signal.SIGTERM if terminations else signal.SIGINT))


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def replace_closed_streams() -> None:
    """Discard the output if standard output or standard error is closed (``>&-``), where Python has None."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - until the end


def escape_what_output_cannot_show() -> None:
    """Write letters that the encoding of standard output lacks as escapes. Pipes on Windows have few letters."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def collect_garbage_rarely() -> None:
    """Make the garbage collector run less often, and not when the program ends.

    Millions of images are objects that are not freed. Python would check them all for garbage after every 700 new
    objects, which takes a quarter of the time of listing, and of the imports.
    """
    gc.set_threshold(100_000, 10, 10)
    atexit.register(gc.freeze)


if __name__ == "__main__":  # worker processes import this module again where processes are spawned
    main()
