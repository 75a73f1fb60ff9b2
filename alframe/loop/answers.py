"""Ask for labels, and take in the answers."""

from __future__ import annotations

from collections.abc import Sequence, Set

from alframe.data.viewing import view
from alframe.engine.listing.pool_listing import PoolListing
from alframe.errors import AlframeError, LabelError, PoolError
from alframe.loop.labels import Labels, describe
from alframe.loop.session import Session
from alframe.loop.work import Reported, Work
from alframe.store.records import StoredRound
from alframe.types import Item, Outcome, State


def collect(session: Session, work: Work) -> Outcome | None:
    """Take in all answers; the outcome is WAITING while too few of the open request's are there."""
    rounds = session.ledger.rounds()
    if not rounds:
        return None
    newest = rounds[-1]
    if not newest.requested and not newest.answered:  # stopped between choosing and asking
        put_request(session, work, newest)
    still_open = take_in(session, work.listing.items, work.reported)
    if newest.answered:
        return None
    labels = session.labels()
    answered = (labels.answered_in(newest.number) & set(newest.keys)) - still_open
    source = session.source_of(newest)
    lost = set() if source.answers_now else lost_of(session, work.listing, set(newest.keys) - answered)
    if len(answered) >= session.settings.enough * (len(newest.keys) - len(lost)):
        close(session, newest, len(answered))
        return None
    if source.answers_now:
        raise LabelError(f"The simulation has no answer: {min(work.reported.said, default='nothing was said')}")
    how = source.request(session.request(newest, work.listing.items))
    if source is not session.label_source:
        how += (
            f"\nThis round was asked with label_source={session.source_name(newest)}, and is read there; the next is "
            f"asked with label_source={session.name('label_source')}. To ask anew: `alframe withdraw`, then `alframe`."
        )
    state = progress(newest, labels, still_open)
    if lost:
        state += f" {len(lost)} others are gone or cannot be read, and are not waited for."
    reason = session.stopping and session.stopping.decide(session.ledger.history())
    if reason:
        state += f" {reason} To end here, and not wait for more: `alframe withdraw`, then `alframe`."
    if answered and session.settings.enough == 1:
        state += " To go on without those that nobody can tell: enough=0.5, say, for half of a batch."
    return Outcome(State.WAITING, f"{state}\n{how}")


def progress(asked: StoredRound, labels: Labels, still_open: Set[int] = frozenset()) -> str:
    """How much of a request is answered, in words; `still_open` are items for which more answers are expected."""
    keys, answered = set(asked.keys), labels.answered_in(asked.number) & set(asked.keys)
    partly = len(answered & still_open)
    unsure, disputed = len(answered & labels.unsure.keys()), len((labels.disputed.keys() - labels.answered) & keys)
    state = f"{len(answered) - partly} of {len(keys)} images of round {asked.number} are answered"
    state += f", {partly} more by some of the annotators" if partly else ""
    state += f", {unsure} of them with 'unsure'" if unsure else ""
    state += f"; {disputed} more {'is' if disputed == 1 else 'are'} said to be of several classes" if disputed else ""
    return state + "."


def close(session: Session, asked: StoredRound, answered: int, withdrawn: bool = False) -> None:
    """Journal that this request is not waited for any more; what is answered later still counts."""
    with session.ledger.transaction():
        session.ledger.mark(asked.number, "answered", {"labels": answered, "withdrawn": withdrawn})


def lost_of(session: Session, listing: PoolListing, keys: Set[int]) -> set[int]:
    """Those of the images that are no longer there to be labelled."""
    return {key for key in keys if not listing.present[key]} | unreadable(session, listing.items, keys)


def unreadable(session: Session, items: Sequence[Item], keys: Set[int]) -> set[int]:
    """Those of the images that cannot be shown to anybody; only one that has changed is read to find out."""
    ordered = sorted(keys)
    readings = session.contents.known([items[key] for key in ordered], [True] * len(ordered))
    read = {key for key, reading in zip(ordered, readings, strict=True) if reading and reading.reason is None}
    return {key for key in keys - read if not _can_be_shown(items[key])}


def _can_be_shown(item: Item) -> bool:
    try:
        view(item.path, side=32)
    except PoolError:
        return False
    return True


def take_in(session: Session, items: Sequence[Item], reported: Reported, newest_only: bool = False) -> set[int]:
    """Enter all answers there are, also those to earlier requests: people finish a batch later, or correct one.

    Returns the items of the newest request for which more answers are expected.
    """
    rounds = session.ledger.rounds()[-1:] if newest_only else session.ledger.rounds()
    problems: list[str] = []
    still_open: set[int] = set()
    # A simulation says all it will ever say at once.
    for asked in rounds:
        still_open = set()
        try:
            source = session.source_of(asked)
        except AlframeError as error:
            problems.append(f"The answers to round {asked.number} cannot be read: {error}")
            continue
        if asked.answered and source.answers_now:
            continue
        number = {items[key].id: key for key in asked.keys}
        answers = source.collect(session.request(asked, items))
        problems += map(str, answers.problems)
        still_open = {number[item] for item in answers.incomplete if item in number}
        with session.ledger.transaction():
            session.ledger.add_labels(
                [(number[label.item], label) for label in answers.labels if label.item in number],
                asked.number,
                session.source_name(asked),
                [number[item] for item in answers.cleared if item in number],
            )
    reported.report([*problems, *disputes(session.labels(), items)])
    return still_open


def disputes(labels: Labels, items: Sequence[Item]) -> list[str]:
    """Every image that is said to be of several classes, in words."""
    counted = {label.item: label for label in labels.counted}
    return [describe(items[key], said, counted.get(key)) for key, said in labels.disputed.items()]


def put_request(session: Session, work: Work, asked: StoredRound) -> None:
    session.source_of(asked).request(session.request(asked, work.listing.items))
    with session.ledger.transaction():
        session.ledger.mark(asked.number, "requested")
