"""Learning curves in Weights & Biases."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from alframe.kit.files import write_text
from alframe.kit.parameters import require_one_of
from alframe.kit.tracking import TrackedRun, confusion_csv, confusion_figure, round_metrics
from alframe.types import RoundRecord

Mode = Literal["offline", "online"]


class Wandb:
    """A run of Weights & Biases for each project. The horizontal axis is the number of labels.

    Offline, everything stays in the folder `wandb` of the project until somebody runs ``wandb sync``. Confusion
    matrices are pictures and tables; the settings are the run's configuration, and the report is a file of the run. If
    the project continues, its run continues. If the run has rounds that the project has lost, a new run begins.

    `project`: name of the project of Weights & Biases.
    `entity`: its team or user; None: the default of the account.
    `mode`: "offline" or "online".
    """

    def __init__(self, project: str = "alframe", entity: str | None = None, mode: Mode = "offline") -> None:
        require_one_of("tracker 'wandb'", ("offline", "online"), mode=mode)
        self.project, self.entity, self.mode = project, entity, mode
        self._settings: Mapping[str, Any] = {}
        self._run: TrackedRun | None = None
        self._wandb: Any = None

    def track_settings(self, settings: Mapping[str, Any]) -> None:
        """See the TracksSettings contract."""
        self._settings = settings

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Continue the project's run, or begin a new run, and log the rounds of `history` that it lacks."""
        self._run = TrackedRun(folder / "wandb.json")
        missing = self._run.resume(history)
        if self._run.id is None:
            self._run.begin(uuid.uuid4().hex[:8])
        self._open(folder)
        for record in missing:
            self.log(record)

    def _open(self, folder: Path) -> None:
        import wandb

        assert self._run is not None and self._run.id is not None
        self._wandb = wandb.init(
            project=self.project,
            entity=self.entity,
            mode=self.mode,
            id=self._run.id,
            name=folder.resolve().name,
            resume="allow",
            dir=str(folder),
            config=dict(self._settings),
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )
        self._wandb.define_metric("labels")
        self._wandb.define_metric("*", step_metric="labels")

    def log(self, record: RoundRecord) -> None:
        """Log a round."""
        import wandb

        assert self._run is not None and self._wandb is not None, "start() comes first"
        values: dict[str, Any] = dict(round_metrics(record))
        for prefix in ("evaluation", "audit"):
            measured = getattr(record, prefix)
            if measured is not None:
                picture = io.BytesIO()
                confusion_figure(measured).savefig(picture, format="png")
                values[f"{prefix}/confusion"] = wandb.Image(Image.open(picture))
                self._save(f"confusion-{prefix}.csv", confusion_csv(measured))
        self._wandb.log(values)
        self._run.add(record)

    def close(self) -> None:
        """End the run. It continues when the project continues."""
        if self._wandb is not None:
            import wandb

            self._wandb.finish()
            wandb.teardown()  # else its service would write nothing when the same run goes on in this process
            self._wandb = None

    def track_report(self, file: Path) -> None:
        """See the TracksReport contract."""
        self._open(file.parent)
        self._save(file.name, file.read_text(encoding="utf-8"))
        self.close()

    def _save(self, name: str, text: str) -> None:
        """Write a file into the run's own folder, from which it is synchronised."""
        file = Path(self._wandb.dir) / name
        write_text(file, text)
        self._wandb.save(str(file), base_path=self._wandb.dir, policy="now")
