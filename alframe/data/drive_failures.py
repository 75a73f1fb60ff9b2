"""Count the images that a failing drive does not give, and end the run if there are too many."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from alframe import drives
from alframe.errors import PoolError

log = logging.getLogger(__name__)

# A file alone may lie on a bad sector; with more, or many side by side, it is the drive.
TOLERATED_SHARE, TOLERATED_IN_A_ROW = 0.01, 20


@dataclass
class DriveFailures:
    """The files, of `total`, that a failing drive does not give.

    For a few files there is a warning, and the next run tries again. PoolError is raised for more than one file and
    more than TOLERATED_SHARE of all, or if TOLERATED_IN_A_ROW fail one after the other, because the other files are no
    longer the pool that people mean.
    """

    total: int
    failed: dict[Path, str] = field(default_factory=dict)
    _in_a_row: int = 0

    def note_read(self, path: Path, failure: str | None) -> None:
        """Note the result of reading a file. `failure` is the reason why the drive did not give it, or None."""
        if failure is None:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        self.failed.setdefault(path, failure)
        share = max(1, int(TOLERATED_SHARE * self.total))
        if len(self.failed) > share or self._in_a_row >= TOLERATED_IN_A_ROW:
            raise PoolError(
                f"{len(self.failed):,} of {self.total:,} images cannot be read because the drive or the network "
                f"failed, also after {sum(drives.RETRY_PAUSES):g} seconds; the first: {self._describe_first()}. "
                "Connect it again and run the same command. The work done so far is kept, and these images are not "
                "marked as unreadable. If only these images cannot be read, copy them again from their source, or "
                "move them out of the pool."
            )

    def warn(self) -> None:
        """Log the number of files that could not be read."""
        if self.failed:
            log.warning(
                "%d of %s images cannot be read because the drive or the network failed. This run leaves them out, "
                "and the next run tries again. The first: %s",
                *(len(self.failed), f"{self.total:,}", self._describe_first()),
            )

    def _describe_first(self) -> str:
        path, failure = next(iter(self.failed.items()))
        return f"{path} ({failure})"
