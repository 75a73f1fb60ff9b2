"""Near-duplicates in a campaign: which image of each group may still be asked for, and what is said about the others.

A represented image has no label and gets none: it is only not asked for. What it shows is known well enough to spare
people the question, not to answer it: of the frames of a burst that look all alike, some show the animal and some do
not.
"""

from __future__ import annotations

import dataclasses
import logging

from alframe.engine.duplicates.grouping import group_duplicates
from alframe.engine.duplicates.hashes import collect_difference_hashes
from alframe.loop.campaign import Campaign
from alframe.loop.values import Embedded
from alframe.store.events import Represented
from alframe.store.ledger import Ledger

log = logging.getLogger(__name__)


def find_representatives(campaign: Campaign, embedded: Embedded) -> Embedded:
    """Find for each image the one that stands for it, if `duplicates` says how."""
    settings = campaign.settings.duplicates
    if settings.by is None:
        return embedded
    embedding, listing, hashes = embedded.embedding, embedded.listing, None
    contents = [
        content if readable else None
        for content, readable in zip(embedding.content_hashes, embedding.readable, strict=True)
    ]
    if settings.uses_hash:
        hashes, has_hash = collect_difference_hashes(
            listing.items,
            contents,
            listing.present,
            embedded.embedder.spec,
            campaign.project.file_cache,
            campaign.parts.compute,
        )
        contents = [content if has else None for content, has in zip(contents, has_hash, strict=True)]
    # What is held out comes first: then what is near to it is neither asked for nor learned from.
    representatives = group_duplicates(settings, contents, hashes, embedding.features, ~listing.in_pool)
    found = dataclasses.replace(embedded, representatives=representatives)
    log.info("%s", describe_represented(count_represented(found)))
    return found


def count_represented(embedded: Embedded) -> Represented:
    """Count the images of the pool that another one stands for, and those of them that a held-out one stands for."""
    in_pool = embedded.listing.in_pool
    return Represented(int((in_pool & embedded.represented).sum()), int(embedded.near_held_out.sum()))


def last_represented(ledger: Ledger) -> Represented:
    """Return what was counted when images were last asked for."""
    rounds = ledger.rounds()
    events = ledger.events(Represented, rounds[-1].number) if rounds else []
    return events[-1][1] if events else Represented()


def describe_represented(counts: Represented) -> str:
    """Say how many images are not asked for, and why."""
    text = f"{counts.images} images of the pool show nearly what another one shows; of each group only one is asked for"
    return f"{text}, and of {counts.held_out} none: a held-out image shows it." if counts.held_out else f"{text}."
