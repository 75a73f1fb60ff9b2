"""Print a table to standard output, with a row for each round."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from alframe.kit.evaluations import describe_share, describe_unmeasured_classes
from alframe.types import RoundRecord

COLUMN_WIDTHS = {"round": 5, "labels": 7, "accuracy (95 % interval)": 26, "balanced": 10, "macro-F1": 10, "time": 10}
INDENT_BELOW_ROW = 6  # of a line that belongs to the row above it


class Console:
    """Print a row for each round when the round has ended, with its audit below it.

    The audit is the accuracy on images drawn at random. A heading is printed once. The rows have 73 characters, in a
    terminal and in a file.
    """

    def __init__(self) -> None:
        self._basis = self._reason = ""
        self._has_heading = False

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Print a message if the run continues."""
        self._basis = self._reason = ""
        if history:
            _print(f"Continuing after round {history[-1].round} ({history[-1].labels} labels).")
        self._has_heading = False

    def log(self, record: RoundRecord) -> None:
        if not self._has_heading:
            _print_row(*COLUMN_WIDTHS)
            self._has_heading = True
        evaluation = record.evaluation
        scores = ("-", "-", "-")
        if evaluation:
            if evaluation.basis != self._basis:
                self._basis = evaluation.basis
                _print(f"Measured on: {evaluation.basis}")
            interval = f"{evaluation.accuracy:.1%}  ({evaluation.low:.1%} to {evaluation.high:.1%})"
            scores = (interval, f"{evaluation.balanced_accuracy:.1%}", f"{evaluation.macro_f1:.3f}")
        _print_row(f"{record.round}", f"{record.labels}", *scores, _format_seconds(sum(record.seconds.values())))
        if evaluation and (averages := describe_unmeasured_classes(evaluation)):
            _print_below(averages)
        if record.no_evaluation != self._reason:
            self._reason = record.no_evaluation
            _print_below(self._reason)
        if audit := record.audit:
            few = " (too few for one number)" if audit.is_small else ""
            shares = {
                "images without a label": record.unlabelled_accuracy,
                "whole pool, by people and model together": record.whole_pool_accuracy,
                "new images like those in the pool" if record.unlabelled_accuracy else "in the pool": audit,
            }
            _print_below(f"Estimated from {audit.n} images drawn at random{few}:")
            for name, share in shares.items():
                if share is not None:
                    _print_below(f"{name}: {describe_share(share)}")
            if averages := describe_unmeasured_classes(audit):
                _print_below(f"in the pool: {averages}")

    def close(self) -> None:
        """Do nothing: no file is held open."""


def _print(line: str) -> None:
    # Neither wrapped nor cut: a narrow terminal does what it does with any line.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _print_below(text: str) -> None:
    """Print text below a row, in lines of at most 80 columns."""
    for line in textwrap.wrap(text, 80 - INDENT_BELOW_ROW, break_long_words=False, break_on_hyphens=False):
        _print(f"{'':{INDENT_BELOW_ROW}}{line}")


def _print_row(*cells: str) -> None:
    _print(" ".join(cell.rjust(width) for cell, width in zip(cells, COLUMN_WIDTHS.values(), strict=True)))


def _format_seconds(seconds: float) -> str:
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
