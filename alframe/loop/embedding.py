"""Embed the pool, and find out what is wrong with its images: unreadable, replaced, or shown by another one already."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

from alframe.engine.embedding.embed_pool import update_pool_embedding
from alframe.engine.embedding.embedder import Embedder
from alframe.loop.campaign import Campaign
from alframe.loop.near_duplicates import find_representatives
from alframe.loop.round_state import RoundState
from alframe.loop.values import Embedded
from alframe.store.events import Shown

log = logging.getLogger(__name__)


def embed_pool(campaign: Campaign, state: RoundState, embedder: Embedder) -> Embedded:
    """Return features of every readable image; those of the last round where the network is still the same."""
    if state.embedded is not None and state.embedded.embedder is embedder:
        return state.embedded
    listing, project = state.listing, campaign.project
    used_embedder, embedding = update_pool_embedding(
        listing.items, listing.present, embedder, project.feature_store, project.file_cache, campaign.parts.compute
    )
    record_unreadable(campaign, embedding.unreadable)
    embedded = find_replaced_images(campaign, Embedded(listing, used_embedder, embedding))
    state.embedded = find_representatives(campaign, embedded)
    return state.embedded


def record_unreadable(campaign: Campaign, unreadable: Mapping[int, str]) -> None:
    """Journal which images (key -> reason) cannot be read now, and which can be read again."""
    before = campaign.ledger.unreadable()
    with campaign.ledger.transaction():
        campaign.ledger.mark_unreadable(
            (key, reason) for key, reason in unreadable.items() if before.get(key) != reason
        )
        campaign.ledger.mark_unreadable((key, None) for key in before if key not in unreadable)


def find_replaced_images(campaign: Campaign, embedded: Embedded) -> Embedded:
    """Find the images whose files hold another picture than when they were asked for.

    A camera that counts from IMG_0001 again, or another season's folder, puts other pictures under known names.
    """
    contents, shown = embedded.embedding.content_hashes, dict(campaign.ledger.events(Shown))
    last_shown = {  # of an image that was asked for twice, the later
        key: content
        for asked in campaign.ledger.rounds()
        for key, content in zip(asked.keys, shown[asked.number].contents, strict=True)
    }
    replaced = {key for key, before in last_shown.items() if (now := contents[key]) is not None and now.hex() != before}
    if replaced:
        log.warning(
            "%d images are not the pictures any more that were asked for, the first: %s. Their labels are kept, but "
            "nothing is learned from them. Put the pictures back, or make a project of its own for the new ones.",
            len(replaced),
            embedded.listing.items[min(replaced)].id,
        )
    return dataclasses.replace(embedded, replaced=replaced)
