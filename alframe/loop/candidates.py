"""Which images may be asked for, and whether any shall be."""

from __future__ import annotations

import numpy as np

from alframe.contracts import PersistentAnswers
from alframe.engine.duplicates.grouping import pick_representatives
from alframe.loop.campaign import Campaign
from alframe.loop.values import Answered, Candidates, Embedded, Learned


def find_candidates(campaign: Campaign, answered: Answered, embedded: Embedded) -> Candidates:
    """Find the images that may be asked for: present, readable, without a label, and of near-duplicates one.

    What was asked for in vain is uncertain by nature and would be asked for again and again, so it has to wait for
    `reask` rounds. Its answer still counts.
    """
    listing, rounds, labels = embedded.listing, campaign.ledger.rounds(), answered.labels
    closed = ~listing.in_pool
    closed[[label.item for label in campaign.training_labels(listing.items)]] = True
    closed[list(labels.conflicts)] = True
    source = campaign.parts.label_source
    if isinstance(source, PersistentAnswers) and source.answers_persist:
        closed[list(labels.unsure)] = True
    reask = campaign.settings.reask
    recent = rounds if reask is None else rounds[-reask:] if reask else []
    closed[[key for asked in recent for key in asked.keys]] = True
    unlabelled = listing.present & embedded.embedding.readable & ~closed
    if embedded.representatives is None:
        return Candidates(unlabelled, np.flatnonzero(unlabelled).astype(np.int64))
    was_asked = np.zeros(len(closed), bool)
    was_asked[[key for asked in rounds for key in asked.keys]] = True
    return Candidates(unlabelled, pick_representatives(embedded.representatives, unlabelled, closed, was_asked))


def find_stop_reason(campaign: Campaign, answered: Answered, learned: Learned) -> str | None:
    """Return why no more is asked for, or None."""
    labelled = {label.item for label in answered.labels.counted}
    if not len(learned.candidates.keys):
        in_vain = {key for asked in campaign.ledger.rounds() for key in asked.keys} - labelled
        near = "" if learned.fitted.embedded.representatives is None else ", or shows nearly what another one shows"
        return "Every image of the pool is labelled" + near + (" or was asked for in vain." if in_vain else ".")
    stopping = campaign.parts.stopping
    if stopping is None:
        return None
    reason = stopping.decide(campaign.ledger.history())
    return "The budget is spent." if reason is None and stopping.room(len(labelled)) == 0 else reason
