"""One round, top to bottom. Every step asks the ledger whether it is done, so a pause and a crash resume alike."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from alframe import seeding
from alframe.contracts import PersistentAnswers
from alframe.engine.duplicates.grouping import pick_representatives
from alframe.engine.embedding.embed_pool import embed
from alframe.engine.fit import Training, fit, measure, training_set
from alframe.engine.listing.groups import whole_groups
from alframe.engine.measuring.audit import AUDITED, AUDITED_ONCE, audit
from alframe.engine.score import view_pool
from alframe.engine.select import draw_audit, mix_audit, select_spread
from alframe.loop.answers import collect, put_request
from alframe.loop.duplicates import FOLDED, fold_pool, folded, held_out_duplicates
from alframe.loop.finetune import train_embedding
from alframe.loop.session import Session
from alframe.loop.settings import Recipe, versions
from alframe.loop.work import Work, round_number
from alframe.types import Ints, Outcome, RoundRecord, State

log = logging.getLogger(__name__)


def run_round(session: Session, work: Work) -> Outcome:
    """Collect what was asked for, learn from it, and ask for more."""
    with work.timed("labels"):
        waiting = collect(session, work)
    if waiting is not None:
        return waiting
    with work.timed("training"):
        train_embedding(session, work)
    with work.timed("embedding"):
        embed_pool(session, work)
    with work.timed("head"):
        record = learn(session, work)
    if record is not None:
        for tracker in session.trackers:
            tracker.log(record)
    reason = stop_reason(session, work)
    if reason is not None:
        return Outcome(State.DONE, reason)
    with work.timed("selection"):
        ask(session, work)
    return Outcome(State.CONTINUE)


def embed_pool(session: Session, work: Work) -> None:
    """Have features of every readable image; the others are set aside, with the reason, until they can be read."""
    if work.embedding is None and work.embedder is not None:
        listing = work.listing
        work.embedder, work.embedding = embed(
            listing.items, listing.present, work.embedder, session.features, session.contents, session.compute
        )
        now, before = work.embedding.unreadable, session.ledger.aside()
        with session.ledger.transaction():
            session.ledger.set_aside((key, why) for key, why in now.items() if before.get(key) != why)
            session.ledger.set_aside((key, None) for key in before if key not in now)
        _notice_changes(session, work)
        fold_pool(session, work)


def _notice_changes(session: Session, work: Work) -> None:
    """A camera that counts from IMG_0001 again, or another season's folder, puts other pictures under known names."""
    assert work.embedding is not None
    contents, asked = work.embedding.contents, dict(session.ledger.events("shown"))
    shown = {  # of an image that was asked for twice, the later
        key: before
        for one in session.ledger.rounds()
        for key, before in zip(one.keys, asked[one.number]["contents"], strict=True)
    }
    work.changed = {key for key, before in shown.items() if (now := contents[key]) is not None and now.hex() != before}
    if work.changed:
        first = work.listing.items[min(work.changed)].id
        log.warning(
            "%d images are not the pictures any more that were asked for, the first: %s. Their labels are kept, but "
            "nothing is learned from them. Put the pictures back, or make a project of its own for the new ones.",
            len(work.changed),
            first,
        )


def learn(session: Session, work: Work) -> RoundRecord | None:
    """Fit the head, and measure it if that was not done yet; the new record, which the ledger now has, or None."""
    assert work.embedding is not None and work.embedder is not None
    ledger, items, features = session.ledger, work.listing.items, work.embedding.features
    usable = work.embedding.readable
    usable[[*work.changed, *held_out_duplicates(work)]] = False
    training = training_set(session.known_labels(items), items, usable, session.settings.classes)
    work.training, work.head = training, None
    if len(np.unique(training.y)) < 2:
        return None
    number = round_number(session.ledger)
    head = session.head()
    fit(head, features, training, seeding.generator(session.settings.seed, "head", number))
    work.head = head
    model = _digest(work.embedder.fingerprint, session.recipes["head"], training)
    history = ledger.history()
    if history and (history[-1].round, history[-1].model) == (number, model):
        return None
    held_out = np.flatnonzero(~work.listing.in_pool & work.embedding.readable).tolist()
    test = [(key, name) for key in held_out if (name := items[key].label) is not None]
    groups = whole_groups([items[key] for key in training.keys.tolist()], session.settings.holdout.group)
    rng = seeding.generator(session.settings.seed, "evaluation", number)
    audit_rng = seeding.generator(session.settings.seed, "audit evaluation", number)
    basis = AUDITED if work.leader is None else AUDITED_ONCE
    record = RoundRecord(
        round=number,
        labels=training.by_people,
        unlabelled=int(_open(session, work)[0].sum()),
        set_aside=len(ledger.aside()),
        classes=training.classes,
        evaluation=measure(head, session.head, features, training, test, groups, rng),
        audit=audit(session.head, features, training, session.audited(), audit_rng, basis=basis),
        fingerprint=work.embedder.fingerprint,
        seconds={name: round(value, 3) for name, value in work.seconds.items()},
        at=datetime.now(UTC),
        model=model,
    )
    work.seconds.clear()
    with ledger.transaction():
        ledger.add_record(record)
    return record


def _digest(fingerprint: str, head: Recipe, training: Training) -> str:
    said = json.dumps([fingerprint, dict(head), training.classes], sort_keys=True, default=str).encode()
    return hashlib.blake2b(said + training.keys.tobytes() + training.y.tobytes(), digest_size=8).hexdigest()


def stop_reason(session: Session, work: Work) -> str | None:
    """Why no more is asked for, or None."""
    counted = session.labels().counted
    labels = len(counted)
    if not len(_candidates(session, work)):
        asked = {key for one in session.ledger.rounds() for key in one.keys}
        in_vain = asked - {label.item for label in counted}
        near = ", or shows nearly what another one shows" if work.leader is not None else ""
        return "Every image of the pool is labelled" + near + (" or was asked for in vain." if in_vain else ".")
    if session.stopping is None:
        return None
    reason = session.stopping.decide(session.ledger.history())
    return "The budget is spent." if reason is None and session.stopping.room(labels) == 0 else reason


def ask(session: Session, work: Work) -> None:
    """Choose the next batch, journal it, and only then put it before people."""
    assert work.embedding is not None and work.training is not None
    ledger, settings = session.ledger, session.settings
    rounds = ledger.rounds()
    number = len(rounds) + 1
    keys = _candidates(session, work)
    # Without two classes there is nothing to be uncertain about yet: more of the start.
    started = work.head is not None
    sampler = session.sampler if started else session.start_sampler
    room = None if session.stopping is None else session.stopping.room(len(session.labels().counted))
    size = settings.batch if started else settings.start.labels
    size = min(size, len(keys)) if room is None else min(size, room, len(keys))
    drawn = draw_audit(keys, size, session.audit, seeding.generator(settings.seed, "audit", number))
    keys = np.setdiff1d(keys, drawn, assume_unique=True)
    rng = seeding.generator(settings.seed, "sampler", number)
    features, sequences = work.embedding.features, work.listing.sequences
    view = view_pool(sampler, keys, features, sequences, work.training, work.head, rng, session.batch_errors)
    best = select_spread(sampler, view, sequences[keys], size - len(drawn), settings.per_sequence, rng)
    chosen = mix_audit(best, drawn, seeding.generator(settings.seed, "order", number))
    with ledger.transaction():
        ledger.add_round(number, session.config(), versions(), session.owners(), chosen, set(drawn.tolist()))
        if work.leader is not None:
            ledger.mark(number, FOLDED, dict(zip(("images", "held_out"), folded(work), strict=True)))
        held = [work.embedding.contents[key] for key in chosen.keys.tolist()]
        ledger.mark(number, "shown", {"contents": [None if one is None else one.hex() for one in held]})
        if work.head is not None:
            probs = work.head.probs(work.embedding.features[chosen.keys])
            guesses = [work.training.classes[at] for at in probs.argmax(axis=1)]
            ledger.mark(number, "predicted", {"classes": guesses, "confidence": probs.max(axis=1).tolist()})
    put_request(session, work, ledger.rounds()[-1])


def _candidates(session: Session, work: Work) -> Ints:
    """Keys that may be asked for; of near-duplicates that are folded one alone, and none once one was."""
    free, closed = _open(session, work)
    if work.leader is None:
        return np.flatnonzero(free).astype(np.int64)
    asked = np.zeros(len(free), bool)
    asked[[key for one in session.ledger.rounds() for key in one.keys]] = True
    return pick_representatives(work.leader, free, closed, asked)


def _open(session: Session, work: Work) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(N,) what has no label and may get one, being present and readable; and what is held out, labelled or asked for.

    What was asked for in vain is uncertain by nature and would be asked for again and again, so it has to wait for
    `reask` rounds. Its answer still counts.
    """
    assert work.embedding is not None
    closed = ~work.listing.in_pool
    labels = session.labels()
    closed[[label.item for label in session.known_labels(work.listing.items, labels)]] = True
    closed[list(labels.disputed)] = True
    source = session.label_source
    if isinstance(source, PersistentAnswers) and source.answers_persist:
        closed[list(labels.unsure)] = True
    rounds, reask = session.ledger.rounds(), session.settings.reask
    waiting = rounds if reask is None else rounds[-reask:] if reask else []
    closed[[key for one in waiting for key in one.keys]] = True
    return work.listing.present & work.embedding.readable & ~closed, closed
