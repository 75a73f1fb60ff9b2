"""Rounds until people must label, or until enough is labelled."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import AuditBased, SyntheticPool
from alframe.engine.listing.pool_listing import sync
from alframe.engine.score import check_needs
from alframe.errors import AlframeError, BadParams, UnmetNeed
from alframe.loop.round import run_round
from alframe.loop.session import Session
from alframe.loop.work import Work
from alframe.settings import Duplicates, Inference
from alframe.types import Label, Need, Outcome, State


def run_until_stop(session: Session) -> tuple[Outcome, Work]:
    """Go on from where the ledger stands."""
    check(session)
    work = prepare(session)
    session.done_file.unlink(missing_ok=True)
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
    session.compute.device()
    stopping = session.stopping
    needs_audit = stopping is not None and isinstance(stopping, AuditBased) and stopping.needs_audit
    if needs_audit and session.audit == 0:
        raise BadParams(
            f"stopping={session.name('stopping')} goes by images that are drawn at random from the pool, and there are "
            f"none: audit is 0. Set audit=0.1, say, for a tenth of each batch."
        )
    if session.settings.duplicates.by == "embedding" and session.settings.finetune.start is not None:
        raise BadParams(
            "duplicates.by=embedding goes by distances that fine-tuning changes: it brings the images of a class so "
            "close together that all of them would pass for one. Set duplicates.by=both, so that the pictures "
            "themselves must agree as well, or finetune.start=null."
        )
    samplers = {session.name("sampler"): session.sampler}
    if session.label_source.answers_now and session.settings.compare.sampler is not None:
        name = session.settings.compare.sampler
        samplers.setdefault(name, REGISTRIES["sampler"].build({"name": name}))
    for name, sampler in samplers.items():
        check_needs(sampler, name, session.head(), session.name("head"), _heads_with)
    late = session.start_sampler.needs & {
        Need.PROBS,
        Need.LABELLED_PROBS,
        Need.PROB_SAMPLES,
        Need.ACTIVATIONS,
        Need.PREDICT,
    }
    if late:
        raise UnmetNeed(
            f"start.sampler={session.settings.start.sampler} needs probabilities, which exist only after the first "
            f"labels. Choose one that does without, such as start.sampler=random."
        )


def prepare(session: Session) -> Work:
    """List the pool and enter what it knows itself."""
    settings, simulated = session.settings, session.label_source.answers_now
    if simulated:
        _check_unchanged(session)
    listing = sync(
        session.ledger,
        session.pool,
        settings.holdout.fraction,
        settings.holdout.group,
        settings.seed,
        settings.sequences,
        settings.boxes,
    )
    if not simulated and not (isinstance(session.pool, SyntheticPool) and session.pool.synthetic):
        # What people were asked is theirs to say: the pool may read the same file, without a check of the names.
        asked = {key for one in session.ledger.rounds() for key in one.keys}
        there = np.flatnonzero(listing.present & listing.in_pool).tolist()
        listed = [(key, listing.items[key]) for key in there if key not in asked]
        known = [(key, Label(item=item.id, class_name=item.label)) for key, item in listed if item.label is not None]
        # The pool's word is taken back where it no longer has one, say because a cell was emptied.
        blank = [key for key, item in listed if item.label is None]
        with session.ledger.transaction():
            session.ledger.add_labels(known, None, "pool", blank)
    return Work(listing)


def _check_unchanged(session: Session) -> None:
    """A simulation is one configuration from its first label to its last: else its curve would mean nothing."""
    before = session.ledger.config()
    if before is None:
        return
    now = json.loads(json.dumps(session.config()))
    kinds = ("pool", "backbone", "loss", "head", "sampler", "label_source")
    changed = [kind for kind in kinds if _recipe(kind, before) != _recipe(kind, now)]
    settings = ("seed", "holdout", "inference", "finetune", "sequences", "duplicates", "boxes", "audit", "propagate")
    # What there was before there was a choice.
    silent = {"inference": dataclasses.asdict(Inference()), "duplicates": dataclasses.asdict(Duplicates())}
    old = _filled({**silent, **before["settings"]}, now["settings"])
    changed += [key for key in settings if old[key] != now["settings"][key]]
    if changed:
        raise BadParams(
            f"The simulation in {session.folder} was begun with another {' and '.join(changed)}. "
            f"Run it in a folder of its own: leave out project=, or give another."
        )


def _recipe(kind: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the recipe of the part of this kind, under today's names."""
    return REGISTRIES[kind].current_recipe(config["recipes"].get(kind) or {})


def _filled(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """With what the ledger does not have: a setting that was added since had no effect then."""
    both = {key: (before.get(key, value), value) for key, value in now.items()}
    pairs = {key: isinstance(old, Mapping) and isinstance(new, Mapping) for key, (old, new) in both.items()}
    return {key: _filled(old, new) if pairs[key] else old for key, (old, new) in both.items()}


def _heads_with(attribute: str) -> list[str]:
    names = []
    for name, entries in REGISTRIES["head"].parts().items():
        try:
            if entries[0].declares(attribute):
                names.append(name)
        except AlframeError:  # a broken plugin cannot be recommended
            continue
    return sorted(names)
