"""Find the images that may be requested, choose the next batch, record it in the ledger, and then request labels."""

from __future__ import annotations

import numpy as np

from alframe import seeding
from alframe.builtins import REGISTRIES
from alframe.contracts import AnswersInOnePlace, UsesCompute
from alframe.engine.arrange import positions_by_similarity
from alframe.engine.duplicates.grouping import pick_representatives
from alframe.engine.select import draw_audit, interleave_audit, select_with_sequence_limit
from alframe.kit.pool_views import EarlierBatches, make_pool_view
from alframe.loop.answers import publish_request
from alframe.loop.campaign import Campaign
from alframe.loop.contract_checks import checked_labels_left, checked_stop_reason
from alframe.loop.embedding import count_near_duplicates
from alframe.loop.environment import collect_environment, digest_data
from alframe.loop.parts import list_package_versions, list_part_owners
from alframe.loop.phase_results import Candidates, ChosenBatch, EmbeddedPool, HeadFitResult, LabelSnapshot, RunCache
from alframe.store.events import BatchArranged, BatchChosenBy, Event, Predicted, ShownContent
from alframe.types import Bools, Floats, Ints, Need


def find_candidates(campaign: Campaign, snapshot: LabelSnapshot, embedded: EmbeddedPool) -> Candidates:
    """Find the images that may be requested: present, readable, without a label, one of each near-duplicate group.

    Without a limit, images that got no answer would be requested in every round, because the model stays uncertain
    about them. So they wait for `reask` rounds. Their answers still count.
    """
    listing, rounds, labels = embedded.listing, campaign.ledger.stored_rounds(), snapshot.labels
    usable, ineligible = listing.is_present & embedded.embedding.is_readable, listing.is_held_out.copy()
    ineligible[[label.item for label in campaign.labels_with_propagated(listing.items)]] = True
    unlabelled = np.flatnonzero(usable & ~ineligible)
    ineligible[list(labels.conflicts)] = True
    source = campaign.parts.label_source
    if source.answers_now:
        ineligible |= listing.has_invalid_class
    if isinstance(source, AnswersInOnePlace) and source.answers_persist:
        ineligible[list(labels.unsure_rounds)] = True
    reask = campaign.settings.reask
    recent = rounds if reask is None else rounds[-reask:] if reask else []
    ineligible[[key for stored_round in recent for key in stored_round.keys]] = True
    eligible = usable & ~ineligible
    keys = np.flatnonzero(eligible).astype(np.int64)
    if campaign.settings.duplicates.by is not None:
        was_asked = np.zeros(len(ineligible), bool)
        was_asked[[key for stored_round in rounds for key in stored_round.keys]] = True
        keys = pick_representatives(embedded.representatives, eligible, ineligible, was_asked)
    return Candidates(keys, unlabelled)


def find_stop_reason(campaign: Campaign, snapshot: LabelSnapshot, candidates: Candidates) -> str | None:
    """Return the reason to request no more images, or None."""
    labelled = {label.item for label in snapshot.labels.counted}
    if not len(candidates.keys):
        in_vain = {key for stored_round in campaign.ledger.stored_rounds() for key in stored_round.keys} - labelled
        near = "" if campaign.settings.duplicates.by is None else " or near-duplicates of others"
        unanswered = ", or were requested without an answer" if in_vain else ""
        return f"No images are left to request: all readable images are labelled{near}{unanswered}."
    stopping = campaign.parts.stopping
    if stopping is None:
        return None
    reason = checked_stop_reason(stopping, campaign.ledger.history())
    return "The budget is spent." if reason is None and checked_labels_left(stopping, len(labelled)) == 0 else reason


def choose_batch(
    campaign: Campaign, snapshot: LabelSnapshot, fitted: HeadFitResult, candidates: Candidates
) -> ChosenBatch:
    """Let the sampler choose most of the batch, and draw the rest, the audit, at random."""
    settings, parts, embedded = campaign.settings, campaign.parts, fitted.embedded
    features, sequences = embedded.embedding.features, embedded.listing.sequences
    number = len(campaign.ledger.stored_rounds()) + 1
    # Without two classes there is nothing to be uncertain about yet: more of the start.
    has_model = fitted.head is not None
    sampler = parts.sampler if has_model else parts.start_sampler
    if isinstance(sampler, UsesCompute):
        sampler.use_compute(parts.compute)
    size = min(settings.batch if has_model else settings.start.labels, len(candidates.keys))
    left = None if parts.stopping is None else checked_labels_left(parts.stopping, len(snapshot.labels.counted))
    size = size if left is None else min(size, left)
    audit_rng = seeding.generator(settings.seed, "audit", number)
    confidence = _find_confidence(campaign, fitted, candidates.keys)
    drawn = draw_audit(candidates.keys, size, campaign.audit_fraction, audit_rng, confidence)
    keys = np.setdiff1d(candidates.keys, drawn.keys, assume_unique=True)
    rng = seeding.generator(settings.seed, "sampler", number)
    learns = Need.BATCH_ERROR_RATES in sampler.needs
    earlier = campaign.earlier_batches() if learns else EarlierBatches()
    training = fitted.training_labels
    view = make_pool_view(
        sampler,
        features,
        keys,
        training.keys,
        training.y,
        rng,
        fitted.head,
        training.is_unseen_by_backbone,
        sequences,
        earlier,
        {Need.CLASS_NAMES: np.array(training.classes, np.str_)},
        embedded.listing,
    )
    recipe = campaign.recipes["sampler"] if has_model else {"name": settings.start.sampler}
    name, limit = REGISTRIES["sampler"].describe(recipe), settings.per_sequence
    best = select_with_sequence_limit(sampler, view, sequences[keys], size - len(drawn.keys), limit, rng, name)
    selection = interleave_audit(best, drawn.keys, seeding.generator(settings.seed, "order", number))
    events = _batch_events(campaign, fitted, selection.keys)
    if learns or selection.chosen_by:
        events.append(BatchChosenBy(selection.chosen_by, earlier.rounds, earlier.error_rates))
    if not parts.label_source.answers_now:
        events.append(_arrange_for_display(campaign, embedded, selection.keys, drawn.keys, number))
    return ChosenBatch(number, selection, drawn, events)


def _find_confidence(campaign: Campaign, fitted: HeadFitResult, keys: Ints) -> Floats | None:
    """Return the confidence of the model in each of the `keys` (n,), or None if the audit is drawn without it.

    A project of an earlier version, which drew its audits without the confidence, goes on without it.
    """
    if fitted.confidence is None or not campaign.audit_fraction:
        return None
    strata = campaign.ledger.audit_strata()
    if any(stored.audit_keys and stored.number not in strata for stored in campaign.ledger.stored_rounds()):
        return None
    return fitted.confidence.of(keys)


def _arrange_for_display(
    campaign: Campaign, embedded: EmbeddedPool, keys: Ints, audit_keys: Ints, round_number: int
) -> BatchArranged:
    """Return the order in which people see a batch (similar images together), and the images without a suggestion."""
    rng = seeding.generator(campaign.settings.seed, "without suggestion", round_number)
    hidden = hide_suggestions(np.isin(keys, audit_keys), embedded.listing.sequences[keys], rng)
    return BatchArranged(display_positions(embedded, keys), hidden.tolist())


def display_positions(embedded: EmbeddedPool, keys: Ints) -> list[int]:
    """Return the position of each of the `keys` (n,) in an order with similar images side by side."""
    positions: list[int] = positions_by_similarity(embedded.embedding.features[keys]).tolist()
    return positions


def hide_suggestions(is_audit: Bools, sequences: Ints, rng: np.random.Generator) -> Bools:
    """Return which images (n,) are shown without a suggestion: the audit, and as many others, drawn at random.

    So nobody can see which images are the audit. All images of a sequence are treated alike (`sequences` (n,), -1 for
    none), because the suggestion for one frame would be a hint for the next. A single frame without a suggestion would
    show that it is of the audit, because only the audit takes a second image of a sequence.
    """
    hidden = is_audit | np.isin(sequences, sequences[is_audit & (sequences >= 0)])
    others = np.flatnonzero(~hidden)
    missing = max(0, 2 * int(is_audit.sum()) - int(hidden.sum()))
    hidden[rng.choice(others, min(missing, len(others)), replace=False)] = True
    return hidden | np.isin(sequences, sequences[hidden & (sequences >= 0)])


def _batch_events(campaign: Campaign, fitted: HeadFitResult, keys: Ints) -> list[Event]:
    """Return the events to store with a batch: near-duplicates, content hashes of its files, and predictions."""
    embedding, groups_duplicates = fitted.embedded.embedding, campaign.settings.duplicates.by is not None
    events: list[Event] = [count_near_duplicates(fitted.embedded)] if groups_duplicates else []
    events.append(shown_content_event(fitted.embedded, keys))
    if fitted.head is not None:
        probs = fitted.head.probs(embedding.features[keys])
        classes = [fitted.training_labels.classes[index] for index in probs.argmax(axis=1)]
        events.append(Predicted(classes, probs.max(axis=1).tolist()))
    return events


def shown_content_event(embedded: EmbeddedPool, keys: Ints) -> ShownContent:
    """Return the content hashes of the files of the `keys` (n,), to store with their request."""
    contents = [embedded.embedding.content_hashes[key] for key in keys.tolist()]
    return ShownContent([None if content is None else content.hex() for content in contents])


def record_and_request(campaign: Campaign, cache: RunCache, chosen: ChosenBatch) -> None:
    """Record the batch in the ledger, and then request it. After a crash in between, it is requested again."""
    ledger, number = campaign.ledger, chosen.round_number
    if not cache.data_digest and cache.embedded is not None:
        cache.data_digest = digest_data(cache.embedded)
    versions, owners = list_package_versions(), list_part_owners(campaign.recipes)
    config, audit_keys = campaign.settings_and_recipes(), chosen.audit_draw.keys.tolist()
    with ledger.transaction():
        ledger.add_round(number, config, versions, owners, chosen.selection, audit_keys)
        if len(chosen.audit_draw.keys):
            strata = chosen.audit_draw.strata
            missing = ledger.count_items() + 1 - len(strata)  # a zero behind all images: so many images there were
            ledger.add_audit_strata(number, np.pad(strata, (0, missing)))
        for event in [*chosen.events, collect_environment(cache.data_digest)]:
            ledger.add_event(number, event)
    publish_request(campaign, ledger.stored_rounds()[-1], cache.listing.items)
