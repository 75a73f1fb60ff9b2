"""Rounds until people must label, or until enough is labelled."""

from __future__ import annotations

from alframe.builtins import REGISTRIES
from alframe.engine.manifest import sync
from alframe.engine.score import check_needs
from alframe.errors import AlframeError
from alframe.loop.round import Work, run_round
from alframe.loop.session import Session
from alframe.types import Label, Outcome, State


def run_until_stop(session: Session) -> tuple[Outcome, Work]:
    """Go on from where the ledger stands."""
    check(session)
    work = prepare(session)
    for tracker in session.trackers:
        tracker.start(session.folder, session.ledger.history())
    try:
        outcome = Outcome(State.CONTINUE)
        while outcome.state is State.CONTINUE:
            outcome = run_round(session, work)
    finally:
        for tracker in session.trackers:
            tracker.close()
    return outcome, work


def check(session: Session) -> None:
    """Build every part, so that a wrong name, parameter or combination ends the run before an image is read."""
    for kind in ("backbone", "loss", "pool", "label_source", "compute", "stopping", "exporters", "trackers"):
        getattr(session, kind)
    check_needs(session.sampler, session.name("sampler"), session.head(), session.name("head"), _stochastic_heads)
    check_needs(
        session.start_sampler, session.settings.start_sampler, session.head(), session.name("head"), _stochastic_heads
    )


def prepare(session: Session) -> Work:
    """List the pool and enter what it knows itself."""
    settings, simulated = session.settings, session.label_source.answers_now
    manifest = sync(session.ledger, session.pool, settings.holdout, settings.holdout_group, settings.seed)
    if not simulated and not getattr(session.pool, "invented", False):
        known = [
            (key, Label(item=item.id, class_name=item.label))
            for key, item in enumerate(manifest.items)
            if item.label is not None and item.split == "pool"
        ]
        with session.ledger.transaction():
            session.ledger.add_labels(known, None, "pool")
    return Work(manifest)


def _stochastic_heads() -> list[str]:
    names = []
    for name, entries in REGISTRIES["head"].entries().items():
        try:
            if getattr(entries[0].load(), "stochastic", False):
                names.append(name)
        except AlframeError:  # a broken plugin cannot be recommended
            continue
    return sorted(names)
