"""Train the embedding when enough new labels have come."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from alframe import seeding
from alframe.engine.embedding.embedder import Embedder, make_embedder, wrap
from alframe.engine.fit import training_set
from alframe.engine.measuring.audit import without
from alframe.engine.training.fine_tune import fine_tune
from alframe.engine.training.freezing import frozen_part
from alframe.loop.session import Session
from alframe.loop.work import Work, round_number
from alframe.settings import TrainingPlan
from alframe.store.files import replacing


def train_embedding(session: Session, work: Work) -> None:
    """Fine-tune the backbone with the loss when enough new labels have come, and have an embedder in any case."""
    plan = session.settings.finetune
    trained = _trained(session)
    labels, number = len(session.labels().counted), round_number(session.ledger)
    next_at = plan.start if not trained else int(trained[-1][1]["labels"]) + plan.every
    done = bool(trained) and trained[-1][0] == number
    if plan.start is not None and next_at is not None and labels >= max(2, next_at) and not done:
        _fine_tune(session, work, plan.again if trained else plan.first, number, labels)
    elif work.embedder is None:
        work.embedder = _embedder(session)
        if plan.start is not None:  # a stage that is not there shows now, and not after a thousand labels
            for one in (plan.first, plan.again):
                frozen_part(work.embedder.module, one.freeze)


def _trained(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """Earlier fine-tunings of the backbone that is chosen now; those of another one are of no use to it."""
    recipe = dict(session.recipes["backbone"])
    return [(number, event) for number, event in session.ledger.events("trained") if event["backbone"] == recipe]


def _embedder(session: Session, warm: bool = True) -> Embedder:
    """The backbone with the weights stored last, or those it comes with if there are none, or not `warm`."""
    trained = _trained(session) if warm else []
    state = load_file(session.folder / trained[-1][1]["file"]) if trained else None
    seed = session.settings.seed if session.network_seed is None else session.network_seed
    device, inference = session.compute.device(), session.settings.inference
    return make_embedder(session.backbone, session.recipes["backbone"], seed, device, state, inference)


def _fine_tune(session: Session, work: Work, plan: TrainingPlan, number: int, labels: int) -> None:
    # From the stored weights, not from those in memory, so that a resumed run starts from the same bits.
    before = _embedder(session, plan.warm)
    usable = np.ones(len(work.listing.items), bool)
    usable[[*session.ledger.aside(), *work.changed]] = False
    known = session.known_labels(work.listing.items)
    # Not on the images that the model is measured on: their features would know the answer.
    training = without(training_set(known, work.listing.items, usable, session.settings.classes), session.audited())
    seed = seeding.integer_seed(session.settings.seed, "finetune", number)
    fine_tune(
        before.module,
        session.loss.bind(before.dim, len(training.classes), seed),
        [work.listing.items[key] for key in training.keys.tolist()],
        training.y,
        before.spec,
        plan,
        seed,
        session.compute.device(),
        session.compute.workers(),
        session.settings.holdout.group,
    )
    file = f"models/backbone-{number:04d}.safetensors"
    with replacing(session.folder / file) as temporary:
        save_file({name: tensor.cpu().contiguous() for name, tensor in before.module.state_dict().items()}, temporary)
    with session.ledger.transaction():
        detail = {"labels": labels, "file": file, "backbone": dict(session.recipes["backbone"])}
        session.ledger.mark(number, "trained", detail)
    work.embedder = wrap(
        before.module, before.spec, session.recipes["backbone"], before.device, session.settings.inference
    )
    work.embedding = None
