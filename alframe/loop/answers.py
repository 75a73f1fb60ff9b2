"""Ask for labels, and take in the answers."""

from __future__ import annotations

import logging

from alframe.data.decode import decode
from alframe.errors import LabelError
from alframe.loop.session import Session
from alframe.loop.work import Work
from alframe.store.ledger import StoredRound
from alframe.types import InputSpec, Outcome, State

log = logging.getLogger(__name__)


def collect(session: Session, work: Work) -> Outcome | None:
    """Take in all answers; the outcome is WAITING while too few of the open request's are there."""
    rounds = session.ledger.rounds()
    if not rounds:
        return None
    newest = rounds[-1]
    if not newest.requested:  # stopped between choosing and asking
        put_request(session, work, newest)
    take_in(session, work)
    if newest.answered:
        return None
    answered = {label.item for label in session.ledger.labels()} & set(newest.keys)
    lost = set() if session.label_source.answers_now else _lost(work, set(newest.keys) - answered)
    if len(answered) >= session.settings.enough * (len(newest.keys) - len(lost)):
        with session.ledger.transaction():
            session.ledger.mark(newest.number, "answered", {"labels": len(answered)})
        return None
    if session.label_source.answers_now:
        raise LabelError(f"The simulation has no answer: {min(work.reported, default='nothing was said')}")
    how = session.label_source.request(session.request(newest, work.manifest.items))
    state = f"{len(answered)} of {len(newest.keys)} images of round {newest.number} are labelled."
    if lost:
        state += f" {len(lost)} others are gone or cannot be read, and are not waited for."
    if answered:
        state += " To go on without those that nobody can tell: enough=0.5, say, for half of a batch."
    return Outcome(State.WAITING, f"{state}\n{how}")


def _lost(work: Work, keys: set[int]) -> set[int]:
    """Those of the images that are no longer there to be labelled."""
    spec = InputSpec(size=32, mean=(0.0,) * 3, std=(1.0,) * 3)
    items = work.manifest.items
    return {key for key in keys if not work.manifest.present[key] or decode(items[key].path, spec).pixels is None}


def take_in(session: Session, work: Work) -> None:
    """Enter all answers there are, also those to earlier requests: people finish a batch later, or correct one."""
    rounds = session.ledger.rounds()
    # A simulation says all it will ever say at once.
    for asked in [one for one in rounds if not (one.answered and session.label_source.answers_now)]:
        number = {work.manifest.items[key].id: key for key in asked.keys}
        answers = session.label_source.collect(session.request(asked, work.manifest.items))
        for problem in map(str, answers.problems):
            if problem not in work.reported:
                log.warning("%s", problem)
                work.reported.add(problem)
        with session.ledger.transaction():
            session.ledger.add_labels(
                [(number[label.item], label) for label in answers.labels if label.item in number],
                asked.number,
                session.name("label_source"),
            )


def put_request(session: Session, work: Work, asked: StoredRound) -> None:
    session.label_source.request(session.request(asked, work.manifest.items))
    with session.ledger.transaction():
        session.ledger.mark(asked.number, "requested")
