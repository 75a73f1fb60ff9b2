"""`alframe report`: the project as one HTML page."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from alframe.commands import project_command, short_path
from alframe.contracts import TracksReport
from alframe.engine.measuring.curves import mean_curve
from alframe.errors import StoreError
from alframe.loop.agreement import describe_agreement, measure_agreement
from alframe.loop.compare import load_comparison_histories, shares_test_images
from alframe.loop.discovery import describe_added_images, describe_unseen_classes
from alframe.loop.embedding import load_duplicate_counts
from alframe.loop.pool_counts import count_pool
from alframe.loop.serving import find_keys_without_suggestion
from alframe.loop.session import Session
from alframe.loop.target import describe_target
from alframe.report.page import BatchImage, ReportData, render_report
from alframe.store.events import BatchArranged, Predicted, RequestClosed
from alframe.store.files import write_text
from alframe.store.records import StoredRound
from alframe.tasks.accuracy_tables import describe_caveat
from alframe.tasks.messages import no_project_message, predict_command
from alframe.types import Item, Outcome, OutcomeState

log = logging.getLogger(__name__)


class Report:
    """Write report.html into the project folder. If this folder is read-only, write it into the temporary folder."""

    read_only = True

    def run(self, session: Session) -> Outcome:
        """Write the page. Raises StoreError if there is no project."""
        if not session.project.has_begun:
            raise StoreError(no_project_message(session, "report"))
        page = render_report(collect_report_data(session))
        file = session.folder / "report.html"
        try:
            write_text(file, page)
            return Outcome(OutcomeState.DONE, f"Report: {short_path(file)}")
        except OSError as error:  # a read-only drive, another user's project, a full disk
            file = Path(tempfile.mkdtemp(prefix="alframe-")) / file.name
            write_text(file, page)
            reason = f"{session.folder} cannot be written to: {error.strerror or error}"
            return Outcome(OutcomeState.DONE, f"Report: {file} ({reason})")


def write_report(session: Session, outcome: Outcome) -> str:
    """Rewrite report.html after a run; return its path, with a remark if it could not be written."""
    file = session.folder / "report.html"
    try:
        write_text(file, render_report(collect_report_data(session, outcome)))
    except OSError as error:  # open in another program, a full disk: no reason to end a campaign
        log.warning(
            "%s cannot be written: %s. Close it if another program has it open; `%s` writes it again.",
            *(file, error.strerror or error, project_command(session.folder, verb="report")),
        )
        return f"{short_path(file)} (not up to date: it cannot be written)"
    for tracker in session.parts.trackers:
        if isinstance(tracker, TracksReport):
            tracker.track_report(file)
    return short_path(file)


def collect_report_data(session: Session, outcome: Outcome | None = None) -> ReportData:
    """Return all data of the page, from the ledger."""
    ledger = session.ledger
    items = ledger.items_on_demand()
    labels = {label.item: label.class_name for label in session.decided_labels().counted}
    history = ledger.all_records()
    comparison = load_comparison_histories(session)
    rechecks = session.recheck_rounds()  # which nobody should look up who answers them
    rounds = [stored_round for stored_round in ledger.stored_rounds() if stored_round.number not in rechecks]
    batch = _batch_images(session, rounds[-1], items, labels) if rounds else []
    evaluations = [record.evaluation for record in history if record.evaluation is not None]
    audits = [record.audit for record in history if record.audit is not None]
    bases = " and ".join(sorted({evaluation.basis for evaluation in (*evaluations, *audits)}))
    warning = describe_caveat(evaluations[-1]).replace("\n", " ") if evaluations and not audits else ""
    has_seeds = any(len(runs) > 1 for runs in comparison.values())
    return ReportData(
        title=session.folder.name,
        folder=session.folder,
        created=datetime.now(UTC).astimezone(),
        outcome=_describe_state(session, outcome),
        next_step=_next_command(session, outcome),
        settings=_describe_settings(session),
        history=history,
        curves=[mean_curve(name, runs) for name, runs in comparison.items()],
        batch=batch,
        batch_title=f"Round {rounds[-1].number}: the last {len(batch)} images requested" if rounds else "",
        unreadable=[(items[key].id, reason) for key, reason in ledger.unreadable_reasons().items()],
        class_counts=Counter(labels.values()),
        audit_unanswered=len(session.unlabelled_audit_keys()),
        unseen_classes=describe_unseen_classes(session),
        added_images=describe_added_images(session),
        target=describe_target(session),
        agreement=describe_agreement(measure_agreement(ledger.stored_labels(), rechecks)),
        represented=load_duplicate_counts(ledger).images,
        pool=count_pool(session, items),
        interval=(
            f"Student's t over seeds, 95 %: each seed has its own start{_describe_test_images_across_seeds(session)}."
            if has_seeds
            else f"Wilson's score interval over the {bases or 'test images'}, 95 %.{warning}"
        ),
    )


def _describe_test_images_across_seeds(session: Session) -> str:
    if shares_test_images(session):
        return ", and all are measured on the same test images. The band does not include their random choice"
    return " and its own held-out images"


def _batch_images(
    session: Session, stored_round: StoredRound, items: Sequence[Item], labels: Mapping[int, str]
) -> list[BatchImage]:
    predictions = session.ledger.events_of(Predicted, stored_round.number)
    images = [BatchImage(item=items[key], label=labels.get(key)) for key in stored_round.keys]
    if not predictions:
        return images
    # Whoever labels may read the report as well: what is asked without a suggestion stays without one until then.
    arranged = dict(session.ledger.events_of(BatchArranged, stored_round.number)).get(stored_round.number)
    hidden = set() if stored_round.closed else find_keys_without_suggestion(stored_round, arranged)
    predicted = zip(stored_round.keys, images, predictions[0][1].classes, predictions[0][1].confidence, strict=True)
    return [
        image if key in hidden else replace(image, prediction=name, confidence=confidence)
        for key, image, name, confidence in predicted
    ]


def _describe_state(session: Session, outcome: Outcome | None) -> str:
    if outcome is not None:
        return outcome.message
    if session.project.done_file.exists():
        return "The campaign is complete."
    rounds = session.ledger.stored_rounds()
    if not rounds:
        return "No image has been requested yet."
    newest = rounds[-1]
    if not newest.closed:
        return f"Waiting for the labels of round {newest.number}."
    ((_, closed),) = session.ledger.events_of(RequestClosed, newest.number)
    verb = "was withdrawn" if closed.withdrawn else "is closed"
    return (
        f"Round {newest.number} {verb}: {closed.labels} of its {len(newest.keys)} images were answered by then. "
        "The next run chooses the next batch."
    )


def _next_command(session: Session, outcome: Outcome | None) -> str:
    # A run that has just ended writes the report first, and only then that it is done.
    done = session.project.done_file.exists() if outcome is None else outcome.state is OutcomeState.DONE
    if done and session.project.model_folder.exists():
        return predict_command(session.project.model_folder)
    return project_command(session.folder)


def _describe_settings(session: Session) -> dict[str, str]:
    settings = {}
    for kind in ("sampler", "backbone", "head", "loss", "pool", "label_source", "stopping"):
        if recipe := session.recipes.get(kind):
            params = ", ".join(f"{key}={value}" for key, value in recipe.items() if key != "name" and value is not None)
            settings[kind.replace("_", " ")] = str(recipe.get("name")) + (f" ({params})" if params else "")
    settings["seed"] = str(session.settings.seed)
    settings["batch"] = str(session.settings.batch)
    settings["start"] = f"{session.settings.start.labels} images, {session.settings.start.sampler}"
    holdout = session.settings.holdout
    settings["holdout"] = f"{holdout.fraction:g} of the labelled images, by {holdout.group}"
    first = session.settings.finetune.start
    settings["finetune"] = "never" if first is None else f"from {first} labels, every {session.settings.finetune.every}"
    return settings
