"""Rounds until people must label, or until enough images are labelled."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.class_names import class_name_key
from alframe.contracts import (
    AuditBased,
    CheckableCompute,
    CheckableHead,
    CheckableLoss,
    CheckableSampler,
    CheckableSource,
    TracksSettings,
)
from alframe.engine.listing.moved_items import find_items_listed_twice, find_moved_items
from alframe.engine.listing.pool_listing import PoolListing, sync_pool_listing
from alframe.engine.needs import require_needs, require_pool_facts
from alframe.errors import BadParams, UnmetNeed
from alframe.loop.campaign import Campaign
from alframe.loop.phase_results import HeadFitResult, RunCache
from alframe.loop.pool_counts import record_absent
from alframe.loop.round import run_round
from alframe.loop.same_images import warn_of_project_with_same_images
from alframe.settings import Duplicates, Inference, setting_values, without_added_parameters
from alframe.store.events import ShownContent
from alframe.store.files import remove_file
from alframe.types import MODEL_NEEDS, Label, Outcome, OutcomeState


def run_until_stop(campaign: Campaign, cache: RunCache | None = None) -> tuple[Outcome, RunCache, HeadFitResult | None]:
    """Continue from the state of the ledger; return the outcome, the cache, and the last fitted model or None.

    With the `cache` from an earlier call, the pool is not listed again.
    """
    check_parts(campaign)
    source = campaign.parts.label_source
    if cache is None and isinstance(source, CheckableSource):
        source.check()
    if cache is None:
        cache = list_pool_into_ledger(campaign)
        parts, listing = campaign.parts, cache.listing
        samplers = {campaign.settings.start.sampler: parts.start_sampler, parts.name_of("sampler"): parts.sampler}
        for name, sampler in samplers.items():
            require_pool_facts(sampler, name, listing, listing.is_present)
        warn_of_project_with_same_images(campaign, cache.listing.items)
    fitted = None
    remove_file(campaign.project.done_file)
    for tracker in campaign.parts.trackers:
        if isinstance(tracker, TracksSettings):
            tracker.track_settings(campaign.settings_and_recipes())
        tracker.start(campaign.folder, campaign.ledger.history())
    try:
        outcome = Outcome(OutcomeState.CONTINUE)
        while outcome.state is OutcomeState.CONTINUE:
            outcome, new = run_round(campaign, cache)
            fitted = new or fitted
    finally:
        for tracker in campaign.parts.trackers:
            tracker.close()
    return outcome, cache, fitted


def list_pool_into_ledger(campaign: Campaign) -> RunCache:
    """List the pool, and store its own labels, except in a simulation. Raises BadParams if settings have changed."""
    settings, parts = campaign.settings, campaign.parts
    if parts.label_source.answers_now:
        check_simulation_unchanged(campaign)
    _require_same_groups(campaign)
    _require_same_spellings(campaign)
    holdout, known = (settings.holdout.fraction, settings.holdout.group), campaign.ledger.count_items()
    listing = sync_pool_listing(
        campaign.ledger,
        parts.pool,
        *holdout,
        settings.seed,
        settings.sequences,
        settings.boxes,
        settings.classes,
        lambda gone, new: find_moved_items(gone, new, campaign.project.file_cache, _hashes_when_requested(campaign)),
        lambda absent, present: find_items_listed_twice(
            absent, present, campaign.project.file_cache, _hashes_when_requested(campaign)
        ),
    )
    record_absent(campaign, np.flatnonzero(~listing.is_present).tolist(), known)
    if campaign.uses_pool_labels:
        _store_pool_labels(campaign, listing)
    return RunCache(listing)


def _require_same_groups(campaign: Campaign) -> None:
    """Raise BadParams if images were held out by other groups, because new images would get into wrong groups."""
    stored = setting_values((campaign.ledger.latest_config() or {}).get("settings", {}))
    now = campaign.settings.holdout.group
    before = stored.get("holdout.group", now)
    if before != now and "test" in campaign.ledger.items().splits:
        raise BadParams(
            f"holdout.group={now}: this project has held out images by {before}, which cannot change any more. Write "
            f"holdout.group={before}, or start another project (project=<folder>)."
        )


def _require_same_spellings(campaign: Campaign) -> None:
    """Raise BadParams if a class of the settings is another spelling of a class that has labels."""
    named = campaign.decided_labels().class_first_rounds
    spelling = {class_name_key(name): name for name in named}
    for name in campaign.settings.classes:
        known = spelling.get(class_name_key(name), name)
        if known != name and name not in named:
            raise BadParams(f"classes: '{name}' is another spelling of '{known}', which has labels. Write '{known}'.")


def _hashes_when_requested(campaign: Campaign) -> dict[int, bytes]:
    """Return the content hash of each requested item's file at its last request, by key."""
    shown = dict(campaign.ledger.events_of(ShownContent))
    return {
        key: bytes.fromhex(content)
        for stored_round in campaign.ledger.stored_rounds()
        if stored_round.number in shown
        for key, content in zip(stored_round.keys, shown[stored_round.number].contents, strict=True)
        if content is not None
    }


def _store_pool_labels(campaign: Campaign, listing: PoolListing) -> None:
    # What people were asked is theirs to say: the pool may read the same file, without a check of the names.
    asked_keys = {key for request in campaign.ledger.stored_rounds() for key in request.keys}
    keys = [key for key in np.flatnonzero(listing.is_present & ~listing.is_held_out).tolist() if key not in asked_keys]
    ids, classes = listing.items.ids, listing.items.labels
    labels = [(key, Label(item=ids[key], class_name=name)) for key in keys if (name := classes[key]) is not None]
    # A label of the pool is cleared when the pool no longer has it, e.g. because a cell was emptied.
    cleared = [key for key in keys if classes[key] is None]
    with campaign.ledger.transaction():
        campaign.ledger.add_labels(labels, None, "pool", cleared)


def check_parts(campaign: Campaign) -> None:
    """Build every part, and raise BadParams or UnmetNeed for a wrong name, parameter or combination."""
    settings, parts = campaign.settings, campaign.parts
    for kind in ("backbone", "loss", "pool", "label_source", "compute", "stopping", "exporters", "trackers"):
        getattr(parts, kind)
    if isinstance(parts.loss, CheckableLoss):
        parts.loss.check()
    if isinstance(parts.compute, CheckableCompute):
        parts.compute.check()
    else:
        parts.compute.device()
    stopping = parts.stopping
    needs_audit = stopping is not None and isinstance(stopping, AuditBased) and stopping.needs_audit
    if needs_audit and campaign.audit_fraction == 0:
        raise BadParams(
            f"stopping={parts.name_of('stopping')} needs the audit (images drawn at random), but audit=0. "
            f"Set audit=0.1, for example."
        )
    if settings.duplicates.by == "embedding" and settings.finetune.start is not None:
        raise BadParams(
            "duplicates.by=embedding cannot be used with fine-tuning, which pulls the images of a class together. "
            "Set duplicates.by=both or finetune.start=null."
        )
    samplers = {parts.name_of("sampler"): parts.sampler}
    if parts.label_source.answers_now and settings.compare.sampler is not None:
        baseline = settings.compare.sampler
        samplers.setdefault(baseline, REGISTRIES["sampler"].build({"name": baseline}))
    head = parts.new_head()
    for part in (head, *samplers.values(), parts.start_sampler):
        if isinstance(part, CheckableHead | CheckableSampler):
            part.check()
    for name, sampler in samplers.items():
        require_needs(sampler, name, head, parts.name_of("head"))
    if parts.start_sampler.needs & MODEL_NEEDS:
        raise UnmetNeed(
            f"start.sampler={settings.start.sampler} needs probabilities, which exist only after the first labels. "
            f"Choose a sampler that needs no probabilities, such as start.sampler=random."
        )


def check_simulation_unchanged(campaign: Campaign) -> None:
    """Raise BadParams if a simulation continues with another configuration, which would make its curve useless."""
    stored = campaign.ledger.latest_config()
    if stored is None:
        return
    current = json.loads(json.dumps(campaign.settings_and_recipes()))
    kinds = ("pool", "backbone", "loss", "head", "sampler", "label_source")
    changed = []
    for kind in kinds:
        # Under today's names, but for additions that change nothing.
        recipes = (REGISTRIES[kind].current_recipe(config["recipes"].get(kind) or {}) for config in (stored, current))
        before, now = (without_added_parameters(kind, recipe) for recipe in recipes)
        if before != now:
            changed.append(_describe_change(kind, before, now))
    keys = {"seed", "holdout", "inference", "finetune", "sequences", "duplicates", "boxes", "audit", "propagate"}
    keys |= {"batch", "start", "per_sequence", "reask", "classes"}  # they decide what is asked
    # What there was before there was a choice.
    implied = {"inference": dataclasses.asdict(Inference()), "duplicates": dataclasses.asdict(Duplicates())}
    old = setting_values(_fill_in_missing({**implied, **stored["settings"]}, current["settings"]))
    new = setting_values(current["settings"])
    names = [name for name in {**old, **new} if name.partition(".")[0] in keys]
    changed += [name for name in names if old.get(name) != new.get(name)]
    if changed:
        raise BadParams(
            f"The simulation in {campaign.folder} was started with a different {' and '.join(changed)}. "
            f"Run this one in its own folder: remove project=, or change it."
        )


def _describe_change(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the kind, with the earlier name of its part, or with the changed parameters and their earlier values."""
    if before.get("name") != now.get("name"):
        return f"{kind} ({before.get('name')})"
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return f"{kind} ({', '.join(f'{kind}.{key}={before.get(key)}' for key in keys)})"


def _fill_in_missing(stored: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in settings that the ledger does not have. A setting that was added later had no effect before."""
    filled = {}
    for key, value in current.items():
        old = stored.get(key, value)
        filled[key] = _fill_in_missing(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else old
    return filled
