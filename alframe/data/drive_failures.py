"""How many images a failing drive may keep back before the run ends."""

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
    """Counts which of `total` files a failing drive does not give.

    A few are warned about and tried again by the next run. PoolError is raised beyond one, or beyond TOLERATED_SHARE of
    them, and where TOLERATED_IN_A_ROW fail in a row: what is left is another pool than the one people mean.
    """

    total: int
    failed: dict[Path, str] = field(default_factory=dict)
    _in_a_row: int = 0

    def note_read(self, path: Path, failure: str | None) -> None:
        """Note how reading a file ended: `failure` says why the drive did not give it; None where it did not fail."""
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
        """Log how many files were not given."""
        if self.failed:
            log.warning(
                "%d of %s images cannot be read because the drive or the network failed; this run leaves them out, "
                "and the next run tries again. The first: %s",
                *(len(self.failed), f"{self.total:,}", self._describe_first()),
            )

    def _describe_first(self) -> str:
        path, failure = next(iter(self.failed.items()))
        return f"{path} ({failure})"
