"""`alframe`: go on with the campaign until people must label or enough is labelled."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from alframe.engine.measuring.curves import Histories, area
from alframe.errors import BadParams
from alframe.loop.compare import run_comparison
from alframe.loop.experiment import run_until_stop
from alframe.loop.session import Session
from alframe.loop.wait import wait_for_answers
from alframe.settings import identity
from alframe.store.files import write_json
from alframe.tasks.report import write_report
from alframe.tasks.results import export_results
from alframe.tasks.tables import accuracy_table, audit_gap, comparison_table
from alframe.tasks.words import command, predict_command, project_argument, shown
from alframe.types import Outcome, State

log = logging.getLogger(__name__)


class Run:
    """Run rounds; when done, export the results and write the report.

    With `watch` it waits for people, looking every `every` seconds, and goes on by itself.
    """

    read_only = False

    def __init__(self, watch: bool = False, every: float = 5.0) -> None:
        if every <= 0:
            raise BadParams(f"every is {every}; it takes seconds above 0.")
        self.watch = watch
        self.every = every

    def run(self, session: Session) -> Outcome:
        """One campaign; called again with the same configuration after its end, it only says again what came out."""
        digest = identity(session.settings, session.recipes)
        said = _said_before(session.done_file, digest)
        # People may have answered or added images since; in a simulation nothing ever changes.
        if said is not None and session.label_source.answers_now:
            return said
        outcome, work = run_until_stop(session)
        while self.watch and outcome.state is State.WAITING:
            write_report(session, outcome)
            log.info("\n%s\nWaiting; Ctrl-C stops, and the same command goes on.", outcome.message)
            wait_for_answers(session, work.listing.items, work.reported, self.every)
            outcome, work = run_until_stop(session)
        if outcome.state is State.WAITING:
            report = write_report(session, outcome)
            again = command(project_argument(session.folder))
            return Outcome(State.WAITING, f"{outcome.message}\nReport: {shown(report)}\nThen go on with: {again}")
        paths, failed = export_results(session, work) if work.head is not None else ([], [])
        histories: Histories = {}
        if session.label_source.answers_now and session.settings.compare.sampler is not None:
            histories = run_comparison(session)
        report = write_report(session, outcome)
        message = _summary(session, outcome, histories, paths, failed, report)
        value = area(session.ledger.history())
        write_json(session.done_file, {"identity": digest, "message": message, "value": value})
        return Outcome(State.DONE, message, value)


def _summary(
    session: Session, outcome: Outcome, histories: Histories, paths: list[Path], failed: list[str], report: Path
) -> str:
    table = (
        comparison_table(histories, session.name("sampler"))
        if histories
        else accuracy_table(session.ledger.history()) + audit_gap(session.audit_gap())
    )
    exported = "".join(f"\n          {shown(path)}" for path in paths).lstrip("\n ")
    lines = [
        outcome.message,
        "",
        table,
        "",
        f"Report:   {shown(report)}",
        f"Exported: {exported or ('nothing' if failed else 'nothing (too few labels for a model)')}",
        *(f"Not exported: {why}" for why in failed),
        "",
    ]
    if session.label_source.answers_now:
        own = command("pool=folder", "pool.root=FOLDER", "label_source=csv")
        lines.append(f"With your own images: {own}")
    elif session.recipes.get("stopping"):
        limit = [] if session.name("stopping") == "budget" else ["stopping=budget"]
        more = command(project_argument(session.folder), *limit, "stopping.labels=NUMBER")
        lines.append(f"To label more, up to a number of labels: {more}")
    if paths:
        lines.append(f"Use the model on a folder: {predict_command(session.model_folder)}")
    return "\n".join(lines)


def _said_before(file: Path, digest: str) -> Outcome | None:
    if not file.exists():
        return None
    try:
        done = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        log.warning("%s cannot be read; the results are worked out again.", file)
        return None
    if done["identity"] != digest:
        return None
    return Outcome(State.DONE, f"This campaign is complete; these are its results.\n{done['message']}", done["value"])
