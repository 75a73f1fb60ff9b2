"""Learning curves in an MLflow store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alframe.kit.tracking import TrackedRun, confusion_csv, flatten_settings, round_metrics
from alframe.types import RoundRecord

MAX_PARAM = 6000  # characters of a parameter, in MLflow
PARAMS_AT_ONCE = 100


class Mlflow:
    """A run in an MLflow store; the step is the number of labels. A project that goes on goes on with its run.

    Settings are parameters, evaluations metrics; confusion matrices (CSV) and the report are artifacts. Should the
    project have lost rounds that the run was told of, a new run begins and the old one is deleted (MLflow keeps it in
    its trash).

    `store`: address of the store, ``sqlite:///FILE`` or ``http://SERVER``; None: a SQLite file in the project's folder.
    `experiment`: name of the experiment, which is made if there is none.
    """

    def __init__(self, store: str | None = None, experiment: str = "alframe") -> None:
        self.store, self.experiment = store, experiment
        self._client: Any = None
        self._run: TrackedRun | None = None
        self._settings: Mapping[str, Any] = {}

    def track_settings(self, settings: Mapping[str, Any]) -> None:
        """See the TracksSettings contract."""
        self._settings = settings

    def start(self, folder: Path, history: list[RoundRecord]) -> None:
        """Go on with the project's run, or begin one, and log what it lacks of `history`."""
        from mlflow import MlflowClient

        self._client = MlflowClient(self.store or f"sqlite:///{(folder / 'mlflow.db').resolve().as_posix()}")
        self._run = TrackedRun(folder / "mlflow.json")
        earlier = self._run.stored_id()
        missing = self._run.resume(history)
        if self._run.id is None or not self._is_active(self._run.id):
            if earlier is not None and self._is_active(earlier):
                self._client.delete_run(earlier)
            run = self._client.create_run(self._experiment_id(folder), run_name=folder.resolve().name)
            self._run.begin(run.info.run_id)
            missing = list(history)
            self._log_settings(run.info.run_id)
        self._client.update_run(self._run.id, status="RUNNING")
        for record in missing:
            self.log(record)

    def log(self, record: RoundRecord) -> None:
        """Log a round; it is in the store when this returns."""
        from mlflow.entities import Metric

        assert self._run is not None and self._run.id is not None, "start() comes first"
        at = int(record.at.timestamp() * 1000)
        metrics = [Metric(name, value, at, record.labels) for name, value in round_metrics(record).items()]
        self._client.log_batch(self._run.id, metrics=metrics)
        for prefix in ("evaluation", "audit"):
            measured = getattr(record, prefix)
            if measured is not None:
                file = f"confusion/{prefix}-round-{record.round:04}.csv"
                self._client.log_text(self._run.id, confusion_csv(measured), file)
        self._run.add(record)

    def close(self) -> None:
        """Mark the run as finished; it is marked as running again when the project goes on."""
        if self._run is not None and self._run.id is not None:
            self._client.set_terminated(self._run.id)

    def track_report(self, file: Path) -> None:
        """See the TracksReport contract."""
        if self._run is not None and self._run.id is not None:
            self._client.log_artifact(self._run.id, str(file))

    def _is_active(self, run: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return bool(self._client.get_run(run).info.lifecycle_stage == "active")
        except MlflowException:  # another store than before
            return False

    def _experiment_id(self, folder: Path) -> str:
        found = self._client.get_experiment_by_name(self.experiment)
        if found is not None:
            return str(found.experiment_id)
        is_file = self.store is None or self.store.startswith("sqlite:")
        location = (folder / "mlflow").resolve().as_uri() if is_file else None  # a server knows a place for artifacts
        return str(self._client.create_experiment(self.experiment, artifact_location=location))

    def _log_settings(self, run: str) -> None:
        from mlflow.entities import Param

        params = [Param(name, str(value)[:MAX_PARAM]) for name, value in flatten_settings(self._settings).items()]
        for first in range(0, len(params), PARAMS_AT_ONCE):
            self._client.log_batch(run, params=params[first : first + PARAMS_AT_ONCE])
        self._client.log_dict(run, dict(self._settings), "settings.json")
