"""Learning curves in TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alframe.kit.tracking import confusion_figure, round_metrics
from alframe.types import RoundRecord

PATTERN = "events.out.tfevents.*"


class TensorBoard:
    """Event files in the folder `tensorboard` of the project; the horizontal axis is the number of labels.

    When a run continues, the files are written again from the history, because after a crash only the history is
    complete. Each round has a picture of its confusion matrix. The folder also has the settings and the report.
    """

    def __init__(self) -> None:
        self._writer: Any = None
        self._settings: Mapping[str, Any] = {}
        self._folder = Path()

    def track_settings(self, settings: Mapping[str, Any]) -> None:
        """See the TracksSettings contract."""
        self._settings = settings

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Write the rounds in `history`, and replace the files that exist."""
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder / "tensorboard"
        for file in self._folder.glob(PATTERN):
            file.unlink()
        self._writer = SummaryWriter(str(self._folder))
        text = json.dumps(self._settings, indent=2, ensure_ascii=False)
        self._writer.add_text("settings", f"```json\n{text}\n```")
        for record in history:
            self._write(record)
        self._writer.flush()

    def log(self, record: RoundRecord) -> None:
        """Write a round, which is on the disk when this returns."""
        self._write(record)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def track_report(self, file: Path) -> None:
        """See the TracksReport contract. TensorBoard cannot show pages, so a text has the path of the report."""
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(self._folder)) as writer:
            writer.add_text("report", f"The report of this run is the page `{file.name}` in `{file.parent}`.")

    def _write(self, record: RoundRecord) -> None:
        seconds = record.at.timestamp()
        for name, value in round_metrics(record).items():
            self._writer.add_scalar(name, value, record.labels, walltime=seconds)
        for prefix in ("evaluation", "audit"):
            measured = getattr(record, prefix)
            if measured is not None:
                figure = confusion_figure(measured)
                self._writer.add_figure(f"{prefix}/confusion", figure, record.labels, close=False, walltime=seconds)
