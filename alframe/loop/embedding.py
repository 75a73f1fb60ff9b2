"""Embed the pool, and find the images that are unreadable, were replaced, or are near-duplicates.

A near-duplicate that is represented by another image gets no label. It is only not requested. The label is not copied,
because some of the similar frames of a burst show the animal and others do not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from alframe.engine.duplicates.grouping import group_duplicates
from alframe.engine.duplicates.hashes import collect_difference_hashes
from alframe.engine.embedding.embed_pool import PoolEmbedding, update_pool_embedding
from alframe.engine.embedding.feature_source import FeatureSource
from alframe.engine.listing.pool_listing import PoolListing
from alframe.loop.campaign import Campaign
from alframe.loop.phase_results import EmbeddedPool, RunCache
from alframe.store.events import DamagedImages, DuplicateCounts, ShownContent
from alframe.store.ledger import Ledger
from alframe.types import Ints

log = logging.getLogger(__name__)


def embed_pool(campaign: Campaign, cache: RunCache, embedder: FeatureSource) -> EmbeddedPool:
    """Return features of every readable image: the features of the last round if the network is still the same."""
    if cache.embedded is not None and cache.embedded.embedder is embedder:
        return cache.embedded
    listing, project, compute = cache.listing, campaign.project, campaign.parts.compute
    stores = project.feature_store, project.file_cache
    used_embedder, embedding = update_pool_embedding(listing.items, listing.is_present, embedder, *stores, compute)
    record_unreadable(campaign, embedding.unreadable)
    record_damaged(campaign, embedding.damaged)
    replaced = find_replaced_images(campaign, listing, embedding)
    representatives = map_to_representatives(campaign, listing, used_embedder, embedding)
    cache.embedded = EmbeddedPool(listing, used_embedder, embedding, replaced, representatives)
    if campaign.settings.duplicates.by is not None:
        log.info("%s", describe_duplicate_counts(count_near_duplicates(cache.embedded)))
    return cache.embedded


def record_unreadable(campaign: Campaign, unreadable: Mapping[int, str]) -> None:
    """Record which images (key -> reason) cannot be read now, and which can be read again."""
    before = campaign.ledger.unreadable_reasons()
    with campaign.ledger.transaction():
        new = [(key, reason) for key, reason in unreadable.items() if before.get(key) != reason]
        campaign.ledger.mark_unreadable([*new, *((key, None) for key in before if key not in unreadable)])


def record_damaged(campaign: Campaign, damaged: Mapping[int, str]) -> None:
    """Record which images (key -> the missing part) are used although they are damaged, if this has changed."""
    if damaged != load_damaged(campaign.ledger):
        with campaign.ledger.transaction():
            event = DamagedImages({str(key): missing for key, missing in damaged.items()})
            campaign.ledger.add_event(len(campaign.ledger.stored_rounds()), event)


def load_damaged(ledger: Ledger) -> dict[int, str]:
    """Return key -> the missing part, for all images that are used although they are damaged."""
    events = ledger.events_of(DamagedImages)
    return {int(key): missing for key, missing in events[-1][1].images.items()} if events else {}


def find_replaced_images(campaign: Campaign, listing: PoolListing, embedding: PoolEmbedding) -> set[int]:
    """Return the images whose files have changed since they were requested.

    For example, a camera may start again at IMG_0001, so that new images have the names of earlier ones.
    """
    contents, shown = embedding.content_hashes, dict(campaign.ledger.events_of(ShownContent))
    last_shown = {  # the later content of an image that was requested twice
        key: content
        for stored_round in campaign.ledger.stored_rounds()
        for key, content in zip(stored_round.keys, shown[stored_round.number].contents, strict=True)
    }
    replaced = {key for key, before in last_shown.items() if (now := contents[key]) is not None and now.hex() != before}
    if replaced:
        log.warning(
            "%d image files have changed since they were requested (first: %s). Their labels are kept but not used "
            "for training. Restore the old files, or start a new project for the new ones.",
            len(replaced),
            listing.items[min(replaced)].id,
        )
    return replaced


def map_to_representatives(
    campaign: Campaign, listing: PoolListing, embedder: FeatureSource, embedding: PoolEmbedding
) -> Ints:
    """Return (N,) the representative of each item: the item itself, unless `duplicates` groups near-duplicates."""
    settings, hashes = campaign.settings.duplicates, None
    if settings.by is None:
        return np.arange(len(listing.items))
    pairs = zip(embedding.content_hashes, embedding.is_readable, strict=True)
    contents = [content if readable else None for content, readable in pairs]
    if settings.uses_hash:
        cache, compute = campaign.project.file_cache, campaign.parts.compute
        items, is_present, spec = listing.items, listing.is_present, embedder.input_spec
        hashes, has_hash = collect_difference_hashes(items, contents, is_present, spec, cache, compute)
        contents = [content if has else None for content, has in zip(contents, has_hash, strict=True)]
    # Held-out images come first: then images near to them are neither requested nor used for training.
    return group_duplicates(settings, contents, hashes, embedding.features, listing.is_held_out)


def count_near_duplicates(embedded: EmbeddedPool) -> DuplicateCounts:
    """Count the pool images with another image as representative, and those whose representative is held out."""
    represented = embedded.representatives != np.arange(len(embedded.representatives))
    return DuplicateCounts(
        int((~embedded.listing.is_held_out & represented).sum()), int(embedded.is_duplicate_of_held_out.sum())
    )


def load_duplicate_counts(ledger: Ledger) -> DuplicateCounts:
    """Return the counts stored with the last request."""
    rounds = ledger.stored_rounds()
    events = ledger.events_of(DuplicateCounts, rounds[-1].number) if rounds else []
    return events[-1][1] if events else DuplicateCounts()


def describe_duplicate_counts(counts: DuplicateCounts) -> str:
    """Return a sentence on the near-duplicates, which are not requested."""
    text = f"{counts.images} pool images are near-duplicates; one image per group is requested."
    return f"{text} {counts.held_out} resemble held-out images and are never requested." if counts.held_out else text
