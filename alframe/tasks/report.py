"""`alframe report`: the project as one HTML page."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from alframe.engine.measuring.curves import average
from alframe.errors import StoreError
from alframe.loop.compare import read_comparison
from alframe.loop.duplicates import last_folded
from alframe.loop.session import Session
from alframe.report.page import ReportData, Shown, render
from alframe.store.files import replacing
from alframe.store.ledger import FILE_NAME
from alframe.tasks.tables import caution
from alframe.tasks.words import command, no_project, predict_command, project_argument, shown
from alframe.types import Outcome, State


class Report:
    """Write report.html into the project folder."""

    read_only = True

    def run(self, session: Session) -> Outcome:
        """Raises StoreError if there is no project."""
        if not (session.folder / FILE_NAME).exists():
            raise StoreError(no_project(session.folder, "report"))
        return Outcome(State.DONE, f"Report: {shown(write_report(session))}")


def write_report(session: Session, outcome: Outcome | None = None) -> Path:
    """Replace report.html; `outcome` is how the run ended, if it has just ended."""
    file = session.folder / "report.html"
    page = render(gather(session, outcome))
    with replacing(file) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return file


def gather(session: Session, outcome: Outcome | None = None) -> ReportData:
    """All that the page shows, from the ledger."""
    ledger = session.ledger
    items = ledger.items()
    labels = {label.item: label.class_name for label in session.labels().counted}
    history = ledger.history()
    comparison = read_comparison(session)
    rounds = ledger.rounds()
    predicted = dict(ledger.events("predicted"))
    batch = []
    if rounds:
        guess = predicted.get(rounds[-1].number, {})
        for at, key in enumerate(rounds[-1].keys):
            batch.append(
                Shown(
                    item=items[key],
                    prediction=guess["classes"][at] if guess else None,
                    confidence=guess["confidence"][at] if guess else None,
                    label=labels.get(key),
                )
            )
    measured = [one.evaluation for one in history if one.evaluation is not None]
    audits = [one.audit for one in history if one.audit is not None]
    bases = " and ".join(sorted({evaluation.basis for evaluation in (*measured, *audits)}))
    warning = caution(measured[-1]).replace("\n", " ") if measured and not audits else ""
    many = any(len(runs) > 1 for runs in comparison.values())
    return ReportData(
        title=session.folder.name,
        folder=session.folder,
        created=datetime.now(UTC).astimezone(),
        outcome=_state(session, outcome),
        next_step=_next_step(session, outcome),
        settings=_settings(session),
        history=history,
        curves=[average(name, runs) for name, runs in comparison.items()],
        batch=batch,
        batch_title=f"Round {rounds[-1].number}: the last {len(batch)} images asked for" if rounds else "",
        set_aside=[(items[key].id, why) for key, why in ledger.aside().items()],
        class_counts=Counter(labels.values()),
        audit_unanswered=session.audit_gap(),
        folded=last_folded(ledger)[0],
        interval=(
            "Student's t over seeds, 95 %: each seed has its own held-out images and start."
            if many
            else f"Wilson's score interval over the {bases or 'test images'}, 95 %.{warning}"
        ),
    )


def _state(session: Session, outcome: Outcome | None) -> str:
    if outcome is not None:
        return outcome.message
    if session.done_file.exists():
        return "The campaign is complete."
    open_rounds = [one for one in session.ledger.rounds() if not one.answered]
    return f"Waiting for the labels of round {open_rounds[-1].number}." if open_rounds else "All answers are in."


def _next_step(session: Session, outcome: Outcome | None) -> str:
    # A run that has just ended writes the report first, and only then that it is done.
    done = session.done_file.exists() if outcome is None else outcome.state is State.DONE
    if done and session.model_folder.exists():
        return predict_command(session.model_folder)
    return command(project_argument(session.folder))


def _settings(session: Session) -> dict[str, str]:
    shown_kinds = ("sampler", "backbone", "head", "loss", "pool", "label_source", "stopping")
    settings = {}
    for kind in shown_kinds:
        recipe = session.recipes.get(kind)
        if recipe:
            rest = ", ".join(f"{key}={value}" for key, value in recipe.items() if key != "name" and value is not None)
            settings[kind.replace("_", " ")] = f"{recipe['name']}" + (f" ({rest})" if rest else "")
    settings["seed"] = str(session.settings.seed)
    settings["batch"] = str(session.settings.batch)
    settings["start"] = f"{session.settings.start.labels} images, {session.settings.start.sampler}"
    holdout = session.settings.holdout
    settings["holdout"] = f"{holdout.fraction:g} of the labelled images, by {holdout.group}"
    first = session.settings.finetune.start
    settings["finetune"] = "never" if first is None else f"from {first} labels, every {session.settings.finetune.every}"
    return settings
