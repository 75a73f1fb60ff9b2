"""Choose the next batch, journal it, and only then ask for its labels."""

from __future__ import annotations

import numpy as np

from alframe import seeding
from alframe.engine.score import make_pool_view
from alframe.engine.select import draw_audit_keys, merge_audit, select_with_group_limit
from alframe.loop.campaign import Campaign
from alframe.loop.near_duplicates import count_represented
from alframe.loop.requests import publish_request
from alframe.loop.round_state import RoundState
from alframe.loop.settings import versions
from alframe.loop.values import Answered, Chosen, Fitted, Learned
from alframe.store.events import Predicted, Shown
from alframe.types import Selection


def choose_batch(campaign: Campaign, answered: Answered, learned: Learned) -> Chosen:
    """Let the sampler choose most of the batch, and draw the rest at random, as an audit."""
    settings, parts, fitted, candidates = campaign.settings, campaign.parts, learned.fitted, learned.candidates.keys
    embedded = fitted.embedded
    features, sequences = embedded.embedding.features, embedded.listing.sequences
    number = len(campaign.ledger.rounds()) + 1
    # Without two classes there is nothing to be uncertain about yet: more of the start.
    has_model = fitted.head is not None
    sampler = parts.sampler if has_model else parts.start_sampler
    size = min(settings.batch if has_model else settings.start.labels, len(candidates))
    room = None if parts.stopping is None else parts.stopping.room(len(answered.labels.counted))
    size = size if room is None else min(size, room)
    audit_rng = seeding.generator(settings.seed, "audit", number)
    audit_keys = draw_audit_keys(candidates, size, campaign.audit_fraction, audit_rng)
    keys = np.setdiff1d(candidates, audit_keys, assume_unique=True)
    rng = seeding.generator(settings.seed, "sampler", number)
    error_rates = campaign.batch_error_rates
    view = make_pool_view(sampler, keys, features, sequences, fitted.training, fitted.head, rng, error_rates)
    best = select_with_group_limit(sampler, view, sequences[keys], size - len(audit_keys), settings.per_sequence, rng)
    selection = merge_audit(best, audit_keys, seeding.generator(settings.seed, "order", number))
    contents = [embedded.embedding.content_hashes[key] for key in selection.keys.tolist()]
    return Chosen(
        round_number=number,
        selection=selection,
        audit=set(audit_keys.tolist()),
        contents=[None if content is None else content.hex() for content in contents],
        predicted=_predict(fitted, selection),
        represented=None if embedded.representatives is None else count_represented(embedded),
    )


def _predict(fitted: Fitted, selection: Selection) -> Predicted | None:
    if fitted.head is None:
        return None
    probs = fitted.head.probs(fitted.embedded.embedding.features[selection.keys])
    classes = [fitted.training.classes[index] for index in probs.argmax(axis=1)]
    return Predicted(classes, probs.max(axis=1).tolist())


def request_labels(campaign: Campaign, state: RoundState, chosen: Chosen) -> None:
    """Journal the batch, and only then put it before people: after a crash in between it is put before them again."""
    ledger, parts, number = campaign.ledger, campaign.parts, chosen.round_number
    with ledger.transaction():
        ledger.add_round(number, campaign.config(), versions(), parts.owners(), chosen.selection, chosen.audit)
        for event in (chosen.represented, Shown(chosen.contents), chosen.predicted):
            if event is not None:
                ledger.add_event(number, event)
    publish_request(campaign, ledger.rounds()[-1], state.listing.items)
