"""Rounds until people must label, or until enough is labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alframe.contracts import SyntheticPool
from alframe.engine.listing.pool_listing import PoolListing, list_pool
from alframe.loop.campaign import Campaign
from alframe.loop.checks import check_campaign, check_unchanged
from alframe.loop.round import run_round
from alframe.loop.round_state import RoundState
from alframe.loop.values import Fitted
from alframe.types import Label, Outcome, State


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run of rounds ended, and the model it ended with, if there was any."""

    outcome: Outcome
    state: RoundState
    fitted: Fitted | None


def run_until_stop(campaign: Campaign) -> RunResult:
    """Go on from where the ledger stands."""
    check_campaign(campaign)
    state, fitted = prepare_round_state(campaign), None
    campaign.project.done_file.unlink(missing_ok=True)
    for tracker in campaign.parts.trackers:
        tracker.start(campaign.folder, campaign.ledger.history())
    try:
        outcome = Outcome(State.CONTINUE)
        while outcome.state is State.CONTINUE:
            outcome, fitted = run_round(campaign, state)
    finally:
        for tracker in campaign.parts.trackers:
            tracker.close()
    return RunResult(outcome, state, fitted)


def prepare_round_state(campaign: Campaign) -> RoundState:
    """List the pool, and store what it knows itself: nothing of that in a simulation."""
    settings, parts = campaign.settings, campaign.parts
    is_simulation = parts.label_source.answers_now
    if is_simulation:
        check_unchanged(campaign)
    listing = list_pool(
        campaign.ledger,
        parts.pool,
        settings.holdout.fraction,
        settings.holdout.group,
        settings.seed,
        settings.sequences,
        settings.boxes,
    )
    if not is_simulation and not (isinstance(parts.pool, SyntheticPool) and parts.pool.synthetic):
        _store_pool_labels(campaign, listing)
    return RoundState(listing)


def _store_pool_labels(campaign: Campaign, listing: PoolListing) -> None:
    # What people were asked is theirs to say: the pool may read the same file, without a check of the names.
    asked_keys = {key for request in campaign.ledger.rounds() for key in request.keys}
    keys = [key for key in np.flatnonzero(listing.present & listing.in_pool).tolist() if key not in asked_keys]
    items = [(key, listing.items[key]) for key in keys]
    labels = [(key, Label(item=item.id, class_name=item.label)) for key, item in items if item.label is not None]
    # What the pool said is taken back where it no longer says it, because a cell was emptied, say.
    cleared = [key for key, item in items if item.label is None]
    with campaign.ledger.transaction():
        campaign.ledger.add_labels(labels, None, "pool", cleared)
