"""`alframe`: continue the campaign until people must label, or until enough images are labelled."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from alframe.allocator import return_freed_memory
from alframe.commands import command_line, project_command, short_path
from alframe.contracts import LabellingServer
from alframe.engine.measuring.curves import Histories, area_under_curve
from alframe.loop.answers import collect_and_store_answers
from alframe.loop.compare import run_comparison
from alframe.loop.contract_checks import tracker_failures
from alframe.loop.discovery import describe_added_images
from alframe.loop.experiment import run_until_stop
from alframe.loop.phase_results import HeadFitResult, RunCache
from alframe.loop.serving import describe_accuracy, is_last_request_served, serving_people, take_snapshot
from alframe.loop.session import Session, train_on_all_labels
from alframe.loop.target import describe_target
from alframe.loop.waiting import wait_for_answers
from alframe.progress import follow_bars
from alframe.settings import configuration_digest
from alframe.store.files import write_json
from alframe.tasks.accuracy_tables import accuracy_table, comparison_table, describe_unanswered_audit
from alframe.tasks.export import export_results
from alframe.tasks.label import WaitsForAnswers
from alframe.tasks.messages import COMPLETE_MESSAGE, describe_bad_image_counts, predict_command
from alframe.tasks.report import write_report
from alframe.types import Outcome, OutcomeState
from alframe.types.audit import MIN_ACCURACY_IMAGES

log = logging.getLogger(__name__)

_WAIT_SECONDS = 3600.0  # seconds
_QUIET_SECONDS = 10.0  # seconds without a correction, after which all of them are learned from


class Run(WaitsForAnswers):
    """Run rounds until the campaign stops. Then export the results and write the report."""

    read_only = False

    def run(self, session: Session) -> Outcome:
        """Run a campaign to its end, or until people must label. If it has ended before, repeat its message.

        The outcome names the exporters and trackers that failed. They do not end the campaign.
        """
        outcome = self._run(session)
        failures = dict.fromkeys([*outcome.failures, *tracker_failures(session.parts.trackers)])
        return replace(outcome, failures=tuple(failures))

    def _run(self, session: Session) -> Outcome:
        digest = configuration_digest(session.settings, session.recipes)
        earlier = _read_done_file(session.project.done_file, digest, session.exports)
        # People may have answered or added images since; in a simulation nothing ever changes.
        is_simulation = session.parts.label_source.answers_now
        if earlier is not None and is_simulation:
            return earlier
        if not is_simulation:
            if not session.ledger.count_items():
                next(
                    iter(session.parts.pool.items()), None
                )  # a folder that does not exist is reported before a page opens
            log.info("%s", _describe_folder(session))
        with serving_people(session) as serving:
            with _showing_phase(serving, "embedding", "Reading the images. Then a batch appears here."):
                outcome, cache, fitted = run_until_stop(session)
            while True:
                while outcome.state is OutcomeState.WAITING and (
                    self.watch or (serving and is_last_request_served(session))
                ):
                    outcome, cache, fitted = self._wait_and_learn(session, serving, outcome, cache, fitted)
                if outcome.state is OutcomeState.WAITING:
                    lines = [
                        outcome.message,
                        *describe_bad_image_counts(session),
                        *filter(None, [describe_target(session)]),
                        f"Report: {write_report(session, outcome)}",
                        f"Then continue with: {project_command(session.folder)}",
                    ]
                    return Outcome(OutcomeState.WAITING, "\n".join(lines))
                done = self._export_and_report(session, outcome, cache, fitted, digest)
                if serving is None or not serving.stay:
                    return done
                if not self._serve_after_the_end(session, serving, done, cache, fitted):
                    return done
                outcome, cache, fitted = run_until_stop(session, cache)

    def _wait_and_learn(
        self,
        session: Session,
        serving: LabellingServer | None,
        outcome: Outcome,
        cache: RunCache,
        fitted: HeadFitResult | None,
    ) -> tuple[Outcome, RunCache, HeadFitResult | None]:
        """Wait until enough is answered, and run the next rounds."""
        items = cache.listing.items
        if serving is None:
            write_report(session, outcome)
            log.info(
                "\n%s\nWaiting. Ctrl-C stops. To continue later: %s", outcome.message, project_command(session.folder)
            )
            wait_for_answers(session, items, cache.problems, self.every)
            return run_until_stop(session)
        serving.publish(take_snapshot(session, cache, fitted))
        serving.show_phase("waiting", describe_accuracy(session))
        write_report(session, outcome)  # after the batch is shown: nobody waits for it
        log.info(
            "\n%s\n%s\nCtrl-C stops. To continue later: %s",
            outcome.message,
            serving.address,
            project_command(session.folder),
        )
        if fitted is None and len({label.class_name for label in session.decided_labels().counted}) > 1:
            serving.publish(take_snapshot(session, cache, train_on_all_labels(session, cache)))
        wait_for_answers(session, items, cache.problems, self.every, serving, describe_accuracy(session))
        with _showing_phase(serving, "learning", f"Learning from {len(session.decided_labels().counted)} labels."):
            return run_until_stop(session, cache)

    def _serve_after_the_end(
        self, session: Session, serving: LabellingServer, done: Outcome, cache: RunCache, fitted: HeadFitResult | None
    ) -> bool:
        """Keep the server running after the end; return True when answers were corrected, False after Ctrl-C."""
        serving.publish(take_snapshot(session, cache, fitted))
        serving.show_phase("done", done.message.partition("\n")[0])
        log.info("\n%s\n\nThe pages stay open for review: %s\nCtrl-C ends.", done.message, serving.address)
        return_freed_memory()
        try:
            while not serving.wait_for_answer(_WAIT_SECONDS):
                pass
            while True:  # until nothing was corrected for a while
                collect_and_store_answers(session, cache.listing.items, cache.problems)
                if not serving.wait_for_answer(_QUIET_SECONDS):
                    return True
        except KeyboardInterrupt:
            return False

    def _export_and_report(
        self, session: Session, outcome: Outcome, cache: RunCache, fitted: HeadFitResult | None, digest: str
    ) -> Outcome:
        """Export the results and write the report; return the outcome with its message."""
        is_simulation = session.parts.label_source.answers_now
        can_export = session.exports and fitted is not None and fitted.head is not None
        paths, failed = export_results(session, cache, fitted) if fitted and can_export else ([], [])
        histories: Histories = {}
        if is_simulation and session.settings.compare.sampler is not None:
            histories = run_comparison(session)
        report = write_report(session, outcome)
        message = _summary_message(session, outcome, histories, paths, failed, report)
        value = area_under_curve(session.ledger.history())
        failures = [*failed, *tracker_failures(session.parts.trackers)]
        done = {
            "identity": digest,
            "message": message,
            "value": value,
            "failures": failures,
            "exports": session.exports,
        }
        write_json(session.project.done_file, done)
        return Outcome(OutcomeState.DONE, message, value, tuple(failures))


@contextmanager
def _showing_phase(serving: LabellingServer | None, phase: str, message: str) -> Iterator[None]:
    """Show people a phase and the progress of its long steps."""
    if serving is None:
        yield
        return
    serving.show_phase(phase, message)
    with follow_bars(lambda progress: serving.show_phase(phase, progress)):
        yield


def _describe_folder(session: Session) -> str:
    folder = short_path(session.folder)
    if session.ledger.stored_rounds():
        return f"Continuing the project in {folder}."
    return f"New project in {folder}: labels, results and the report are kept there."


def _summary_message(
    session: Session, outcome: Outcome, histories: Histories, paths: list[Path], failed: list[str], report: str
) -> str:
    table = (
        comparison_table(histories, session.parts.name_of("sampler"))
        if histories
        else accuracy_table(session.ledger.all_records())
        + describe_unanswered_audit(len(session.unlabelled_audit_keys()))
    )
    if paths:
        exported = "\n          ".join(short_path(path) for path in paths)
    elif session.exports:
        exported = "nothing" if failed or not session.parts.exporters else "nothing (too few labels for a model)"
    else:
        exported = f"nothing, as in every sweep. To export: {project_command(session.folder, verb='export')}"
    lines = [
        outcome.message,
        "",
        table,
        *filter(None, [describe_added_images(session)]),
        *describe_bad_image_counts(session),
        "",
        f"Report:   {report}",
        f"Exported: {exported}",
        *(f"Not exported: {why}" for why in failed),
        "",
    ]
    if session.parts.label_source.answers_now:
        own = command_line("pool=folder", "pool.root=FOLDER", "label_source=web")
        lines.append(f"With your own images: {own}")
    elif session.recipes.get("stopping"):
        limit = [] if session.parts.name_of("stopping") == "budget" else ["stopping=budget"]
        more = project_command(session.folder, *limit, "stopping.labels=NUMBER")
        lines.append(f"To label more, up to a number of labels: {more}")
        last = next(reversed(session.ledger.history()), None)
        if last is not None and last.audit is not None and last.audit.is_small:
            labels = last.labels + 2 * (MIN_ACCURACY_IMAGES - last.audit.n)
            measure = project_command(session.folder, *limit, "audit=0.5", f"stopping.labels={labels}")
            lines.append(f"To measure the accuracy with one number, draw half of each batch at random: {measure}")
    if any(path.is_relative_to(session.project.model_folder) for path in paths):
        lines.append(f"Use the model on a folder: {predict_command(session.project.model_folder)}")
    return "\n".join(lines)


def _read_done_file(file: Path, digest: str, needs_exports: bool) -> Outcome | None:
    """Return the outcome of a finished run with the same configuration, or None.

    `needs_exports`: whether the run must have exported its results.
    """
    if not file.exists():
        return None
    try:
        done = json.loads(file.read_text(encoding="utf-8"))
        identity, message, value = done["identity"], str(done["message"]), done["value"]
        if not (value is None or isinstance(value, int | float)):
            raise TypeError
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        log.warning("%s cannot be read; the results are computed again.", file)
        return None
    lacks_exports = needs_exports and not done.get("exports", True)  # runs of older versions have always exported
    if identity != digest or done.get("failures") or lacks_exports:  # what failed is tried again
        return None
    return Outcome(OutcomeState.DONE, f"{COMPLETE_MESSAGE}\n{message}", value)
