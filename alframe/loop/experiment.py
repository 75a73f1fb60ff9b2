"""Rounds until people must label, or until enough is labelled."""

from __future__ import annotations

import numpy as np

from alframe.contracts import SyntheticPool
from alframe.engine.listing.pool_listing import PoolListing, sync_pool_listing
from alframe.loop.campaign import Campaign
from alframe.loop.checks import check_campaign, check_unchanged
from alframe.loop.phase_results import Fitted, RunCache
from alframe.loop.round import run_round
from alframe.types import Label, Outcome, State


def run_until_stop(campaign: Campaign) -> tuple[Outcome, RunCache, Fitted | None]:
    """Go on from where the ledger stands; return how that ended, and the model it ended with, if there was any."""
    check_campaign(campaign)
    cache, fitted = prepare_run(campaign), None
    campaign.project.done_file.unlink(missing_ok=True)
    for tracker in campaign.parts.trackers:
        tracker.start(campaign.folder, campaign.ledger.history())
    try:
        outcome = Outcome(State.CONTINUE)
        while outcome.state is State.CONTINUE:
            outcome, fitted = run_round(campaign, cache)
    finally:
        for tracker in campaign.parts.trackers:
            tracker.close()
    return outcome, cache, fitted


def prepare_run(campaign: Campaign) -> RunCache:
    """List the pool, and store its own labels, except in a simulation."""
    settings, parts = campaign.settings, campaign.parts
    is_simulation = parts.label_source.answers_now
    if is_simulation:
        check_unchanged(campaign)
    holdout = settings.holdout.fraction, settings.holdout.group
    listing = sync_pool_listing(
        campaign.ledger, parts.pool, *holdout, settings.seed, settings.sequences, settings.boxes
    )
    if not is_simulation and not (isinstance(parts.pool, SyntheticPool) and parts.pool.synthetic):
        _store_pool_labels(campaign, listing)
    return RunCache(listing)


def _store_pool_labels(campaign: Campaign, listing: PoolListing) -> None:
    # What people were asked is theirs to say: the pool may read the same file, without a check of the names.
    asked_keys = {key for request in campaign.ledger.rounds() for key in request.keys}
    keys = [key for key in np.flatnonzero(listing.present & ~listing.held_out).tolist() if key not in asked_keys]
    items = [(key, listing.items[key]) for key in keys]
    labels = [(key, Label(item=item.id, class_name=item.label)) for key, item in items if item.label is not None]
    # A label of the pool is cleared when the pool no longer has it, e.g. because a cell was emptied.
    cleared = [key for key, item in items if item.label is None]
    with campaign.ledger.transaction():
        campaign.ledger.add_labels(labels, None, "pool", cleared)
