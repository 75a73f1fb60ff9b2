"""One round, top to bottom. Every step asks the ledger whether it is done, so a pause and a crash resume alike."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from alframe import seeding
from alframe.contracts import Head
from alframe.engine.embed import Embedding, embed
from alframe.engine.embedder import Embedder, make_embedder, wrap
from alframe.engine.fit import Training, fit, measure, training_set
from alframe.engine.manifest import Manifest
from alframe.engine.score import view_pool
from alframe.engine.select import select
from alframe.engine.train import fine_tune
from alframe.loop.session import Session, versions
from alframe.store.files import replacing
from alframe.store.ledger import StoredRound
from alframe.types import Outcome, RoundRecord, State, TrainingPlan

log = logging.getLogger(__name__)


@dataclass
class Work:
    """What a process keeps from one round to the next, all of it derived from the ledger and the stores."""

    manifest: Manifest
    embedder: Embedder | None = None
    embedding: Embedding | None = None
    head: Head | None = None
    training: Training | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start


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
    reason = stop_reason(session, work)
    if reason is not None:
        return Outcome(State.DONE, reason, value=record.evaluation.accuracy if record and record.evaluation else None)
    with work.timed("selection"):
        ask(session, work)
    return Outcome(State.CONTINUE)


def collect(session: Session, work: Work) -> Outcome | None:
    """Take in all answers; the outcome is WAITING while too few of the open request's are there."""
    rounds = session.ledger.rounds()
    if not rounds:
        return None
    newest = rounds[-1]
    if not newest.requested:  # stopped between choosing and asking
        _request(session, work, newest)
    # Answers to earlier requests still count: people finish a batch later, or correct one.
    for one in rounds if not session.label_source.answers_now else [newest] * (not newest.answered):
        _ingest(session, work, one)
    if newest.answered:
        return None
    answered = {label.item for label in session.ledger.labels()} & set(newest.keys)
    if len(answered) < session.settings.enough * len(newest.keys):
        how = session.label_source.request(session.request(newest, work.manifest.items))
        state = f"{len(answered)} of {len(newest.keys)} images of round {newest.number} are labelled."
        return Outcome(State.WAITING, f"{state}\n{how}")
    with session.ledger.transaction():
        session.ledger.mark(newest.number, "answered", {"labels": len(answered)})
    return None


def _ingest(session: Session, work: Work, asked: StoredRound) -> None:
    number = {work.manifest.items[key].id: key for key in asked.keys}
    answers = session.label_source.collect(session.request(asked, work.manifest.items))
    for problem in answers.problems:
        if str(problem) not in work.reported:
            log.warning("%s", problem)
            work.reported.add(str(problem))
    with session.ledger.transaction():
        session.ledger.add_labels(
            [(number[label.item], label) for label in answers.labels if label.item in number],
            asked.number,
            session.name("label_source"),
        )


def _request(session: Session, work: Work, asked: StoredRound) -> None:
    session.label_source.request(session.request(asked, work.manifest.items))
    with session.ledger.transaction():
        session.ledger.mark(asked.number, "requested")


def train_embedding(session: Session, work: Work) -> None:
    """Fine-tune the backbone with the loss when enough new labels have come, and have an embedder in any case."""
    ledger, plan = session.ledger, session.settings.finetune
    trained = ledger.events("trained")
    labels = len(ledger.labels())
    due = plan.start is not None and labels >= max(
        2, plan.start if not trained else int(trained[-1][1]["labels"]) + plan.every
    )
    number = _round_number(session)
    if due and not (trained and trained[-1][0] == number):
        _fine_tune(session, work, plan.again if trained else plan.first, number, labels)
    elif work.embedder is None:
        state = load_file(session.folder / trained[-1][1]["file"]) if trained else None
        work.embedder = _embedder(session, state)


def _embedder(session: Session, state: Mapping[str, torch.Tensor] | None) -> Embedder:
    return make_embedder(
        session.backbone, session.recipes["backbone"], session.settings.seed, session.compute.device(), state
    )


def _fine_tune(session: Session, work: Work, plan: TrainingPlan, number: int, labels: int) -> None:
    # A new network from the last stored weights, so that a resumed run starts from the same bits as a running one.
    trained = session.ledger.events("trained")
    state = load_file(session.folder / trained[-1][1]["file"]) if trained else None
    before = _embedder(session, state)
    usable = np.arange(len(work.manifest.items)) if work.embedding is None else np.flatnonzero(work.embedding.readable)
    training = training_set(session.ledger.labels(), work.manifest.items, usable, session.settings.classes)
    seed = seeding.number(session.settings.seed, "finetune", number)
    fine_tune(
        before.module,
        session.loss.bind(before.dim, len(training.classes), seed),
        [work.manifest.items[key] for key in training.keys.tolist()],
        training.y,
        before.spec,
        plan,
        seed,
        session.compute.device(),
        session.compute.workers(),
    )
    file = f"models/backbone-{number:04d}.safetensors"
    with replacing(session.folder / file) as temporary:
        save_file({name: tensor.cpu().contiguous() for name, tensor in before.module.state_dict().items()}, temporary)
    with session.ledger.transaction():
        session.ledger.mark(number, "trained", {"labels": labels, "file": file})
    work.embedder = wrap(before.module, before.spec, session.recipes["backbone"], before.device)
    work.embedding = None


def embed_pool(session: Session, work: Work) -> None:
    """Have features of every readable image; the others are set aside, with the reason, until they can be read."""
    if work.embedding is None and work.embedder is not None:
        store = session.features(work.embedder.fingerprint)
        manifest = work.manifest
        work.embedding = embed(
            manifest.items, manifest.present, work.embedder, store, session.contents, session.compute
        )
        now, before = work.embedding.unreadable, session.ledger.aside()
        with session.ledger.transaction():
            session.ledger.set_aside((key, why) for key, why in now.items() if before.get(key) != why)
            session.ledger.set_aside((key, None) for key in before if key not in now)


def learn(session: Session, work: Work) -> RoundRecord | None:
    """Fit the head and measure it; the round's record goes to the ledger once, then to the trackers."""
    assert work.embedding is not None and work.embedder is not None
    ledger, items, features = session.ledger, work.manifest.items, work.embedding.features
    usable = np.flatnonzero(work.embedding.readable)
    training = training_set(ledger.labels(), items, usable, session.settings.classes)
    work.training, work.head = training, None
    if len(np.unique(training.y)) < 2:
        return None
    number = _round_number(session)
    head = session.head()
    fit(head, features, training, seeding.generator(session.settings.seed, "head", number))
    work.head = head
    history = ledger.history()
    if history and history[-1].round == number:
        return history[-1]
    held_out = np.flatnonzero(~work.manifest.in_pool & work.embedding.readable).tolist()
    test = [(key, name) for key in held_out if (name := items[key].label) is not None]
    rng = seeding.generator(session.settings.seed, "evaluation", number)
    record = RoundRecord(
        round=number,
        labels=len(training.keys),
        unlabelled=len(_candidates(session, work)),
        set_aside=len(ledger.aside()),
        classes=training.classes,
        evaluation=measure(head, session.head, features, training, test, rng),
        fingerprint=work.embedder.fingerprint,
        seconds={name: round(value, 3) for name, value in work.seconds.items()},
        at=datetime.now(UTC),
    )
    work.seconds.clear()
    with ledger.transaction():
        ledger.add_record(record)
    for tracker in session.trackers:
        tracker.log(record)
    return record


def stop_reason(session: Session, work: Work) -> str | None:
    """Why no more is asked for, or None."""
    if not len(_candidates(session, work)):
        return "Every image of the pool is labelled."
    history = session.ledger.history()
    reason = None if session.stopping is None else session.stopping.decide(history)
    if reason is None and session.stopping is not None and session.stopping.room(len(session.ledger.labels())) == 0:
        return "The budget is spent."
    return reason


def ask(session: Session, work: Work) -> None:
    """Choose the next batch, journal it, and only then put it before people."""
    assert work.embedding is not None and work.training is not None
    ledger, settings = session.ledger, session.settings
    rounds = ledger.rounds()
    number = len(rounds) + 1
    ids = _candidates(session, work)
    # Without two classes there is nothing to be uncertain about yet: more of the start.
    started = work.head is not None
    sampler = session.sampler if started else session.start_sampler
    room = None if session.stopping is None else session.stopping.room(len(ledger.labels()))
    size = settings.batch if started else settings.start_labels
    rng = seeding.generator(settings.seed, "sampler", number)
    view = view_pool(sampler, ids, work.embedding.features, work.manifest.items, work.training, work.head, rng)
    chosen = select(sampler, view, size if room is None else min(size, room), rng)
    with ledger.transaction():
        ledger.add_round(number, session.config(), versions(), session.owners(), chosen)
        if work.head is not None:
            probs = work.head.probs(work.embedding.features[chosen.ids])
            guesses = [work.training.classes[at] for at in probs.argmax(axis=1)]
            ledger.mark(number, "predicted", {"classes": guesses, "confidence": probs.max(axis=1).tolist()})
    _request(session, work, ledger.rounds()[-1])


def _candidates(session: Session, work: Work) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Keys that may be asked for: in the pool, present, readable, and without a label."""
    assert work.embedding is not None
    free = work.manifest.in_pool & work.manifest.present & work.embedding.readable
    free[[label.item for label in session.ledger.labels()]] = False
    return np.flatnonzero(free).astype(np.int64)


def _round_number(session: Session) -> int:
    """The round under way: how many requests are answered; 0 while only what was known from the start counts."""
    return sum(one.answered for one in session.ledger.rounds())
