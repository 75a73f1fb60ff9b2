"""One round, top to bottom. Every step asks the ledger whether it is done, so a pause and a crash resume alike."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from alframe import seeding
from alframe.contracts import Head
from alframe.data.decode import decode
from alframe.engine.embed import Embedding, embed
from alframe.engine.embedder import Embedder, make_embedder, wrap
from alframe.engine.fit import Training, fit, measure, training_set
from alframe.engine.manifest import Manifest, group_of
from alframe.engine.score import groups_of, view_pool
from alframe.engine.select import select_spread
from alframe.engine.train import fine_tune
from alframe.errors import LabelError
from alframe.loop.session import Recipe, Session, versions
from alframe.store.files import replacing
from alframe.store.ledger import StoredRound
from alframe.types import InputSpec, Outcome, RoundRecord, State, TrainingPlan

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
    if record is not None:
        for tracker in session.trackers:
            tracker.log(record)
    reason = stop_reason(session, work)
    if reason is not None:
        return Outcome(State.DONE, reason)
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


def _request(session: Session, work: Work, asked: StoredRound) -> None:
    session.label_source.request(session.request(asked, work.manifest.items))
    with session.ledger.transaction():
        session.ledger.mark(asked.number, "requested")


def train_embedding(session: Session, work: Work) -> None:
    """Fine-tune the backbone with the loss when enough new labels have come, and have an embedder in any case."""
    plan = session.settings.finetune
    trained = _trained(session)
    labels, number = len(session.ledger.labels()), _round_number(session)
    next_at = plan.start if not trained else int(trained[-1][1]["labels"]) + plan.every
    done = bool(trained) and trained[-1][0] == number
    if plan.start is not None and next_at is not None and labels >= max(2, next_at) and not done:
        _fine_tune(session, work, plan.again if trained else plan.first, number, labels)
    elif work.embedder is None:
        work.embedder = _embedder(session)


def _trained(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """Earlier fine-tunings of the backbone that is chosen now; those of another one are of no use to it."""
    recipe = dict(session.recipes["backbone"])
    return [(number, event) for number, event in session.ledger.events("trained") if event["backbone"] == recipe]


def _embedder(session: Session) -> Embedder:
    """The backbone with the weights that were stored last, or those it comes with."""
    trained = _trained(session)
    state = load_file(session.folder / trained[-1][1]["file"]) if trained else None
    recipe, device = session.recipes["backbone"], session.compute.device()
    return make_embedder(session.backbone, recipe, session.settings.seed, device, state)


def _fine_tune(session: Session, work: Work, plan: TrainingPlan, number: int, labels: int) -> None:
    # From the stored weights, not from those in memory, so that a resumed run starts from the same bits.
    before = _embedder(session)
    usable = np.setdiff1d(np.arange(len(work.manifest.items)), list(session.ledger.aside()))
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
        detail = {"labels": labels, "file": file, "backbone": dict(session.recipes["backbone"])}
        session.ledger.mark(number, "trained", detail)
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
    """Fit the head, and measure it if that was not done yet; the new record, which the ledger now has, or None."""
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
    model = _digest(work.embedder.fingerprint, session.recipes["head"], training)
    history = ledger.history()
    if history and (history[-1].round, history[-1].model) == (number, model):
        return None
    held_out = np.flatnonzero(~work.manifest.in_pool & work.embedding.readable).tolist()
    test = [(key, name) for key in held_out if (name := items[key].label) is not None]
    groups = [group_of(items[key], session.settings.holdout_group) for key in training.keys.tolist()]
    rng = seeding.generator(session.settings.seed, "evaluation", number)
    record = RoundRecord(
        round=number,
        labels=len(training.keys),
        unlabelled=len(_candidates(session, work)),
        set_aside=len(ledger.aside()),
        classes=training.classes,
        evaluation=measure(head, session.head, features, training, test, groups, rng),
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
    labels = len(session.ledger.labels())
    if not len(_candidates(session, work)):
        open_ = sum(len(one.keys) for one in session.ledger.rounds()) - labels
        return "Every image of the pool is labelled" + (" or was asked for in vain." if open_ > 0 else ".")
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
    ids = _candidates(session, work)
    # Without two classes there is nothing to be uncertain about yet: more of the start.
    started = work.head is not None
    sampler = session.sampler if started else session.start_sampler
    room = None if session.stopping is None else session.stopping.room(len(ledger.labels()))
    size = settings.batch if started else settings.start_labels
    rng = seeding.generator(settings.seed, "sampler", number)
    view = view_pool(sampler, ids, work.embedding.features, work.manifest.items, work.training, work.head, rng)
    groups = groups_of(work.manifest.items, ids)
    size = size if room is None else min(size, room)
    chosen = select_spread(sampler, view, groups, size, settings.per_sequence, rng)
    with ledger.transaction():
        ledger.add_round(number, session.config(), versions(), session.owners(), chosen)
        if work.head is not None:
            probs = work.head.probs(work.embedding.features[chosen.ids])
            guesses = [work.training.classes[at] for at in probs.argmax(axis=1)]
            ledger.mark(number, "predicted", {"classes": guesses, "confidence": probs.max(axis=1).tolist()})
    _request(session, work, ledger.rounds()[-1])


def _candidates(session: Session, work: Work) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Keys that may be asked for: in the pool, present, readable, without a label, and never asked for before.

    What nobody could answer would be asked for again and again: it is uncertain by nature. Its answer still counts.
    """
    assert work.embedding is not None
    free = work.manifest.in_pool & work.manifest.present & work.embedding.readable
    free[[label.item for label in session.ledger.labels()]] = False
    free[[key for one in session.ledger.rounds() for key in one.keys]] = False
    return np.flatnonzero(free).astype(np.int64)


def _round_number(session: Session) -> int:
    """The round under way: how many requests are answered; 0 while only what was known from the start counts."""
    return sum(one.answered for one in session.ledger.rounds())
