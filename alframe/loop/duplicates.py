"""Near-duplicates in a campaign: which of them may still be asked for, and what is said about the others.

A folded image has no label and gets none: it is only not asked for. What it shows is known well enough to spare people
the question, not to answer it: of the frames of a burst that look all alike, some show the animal and some do not.
"""

from __future__ import annotations

import logging

import numpy as np

from alframe.engine.duplicates.grouping import fold
from alframe.engine.duplicates.hashes import known_hashes
from alframe.loop.session import Session
from alframe.loop.work import Work
from alframe.store.ledger import Ledger
from alframe.types import Ints

log = logging.getLogger(__name__)
FOLDED = "folded"  # the event


def fold_pool(session: Session, work: Work) -> None:
    """Find for each image the one that stands for it, once per embedding, if `duplicates` says so."""
    settings, work.leader = session.settings.duplicates, None
    if settings.by is None:
        return
    assert work.embedding is not None and work.embedder is not None
    embedding, listing, hashes = work.embedding, work.listing, None
    contents = [one if good else None for one, good in zip(embedding.contents, embedding.readable, strict=True)]
    if settings.uses_hash:
        hashes, has = known_hashes(
            listing.items, contents, listing.present, work.embedder.spec, session.contents, session.compute
        )
        contents = [one if there else None for one, there in zip(contents, has, strict=True)]
    # What is held out comes first: then what is near to it is neither asked for nor learned from.
    work.leader = fold(settings, contents, hashes, embedding.features, ~listing.in_pool)
    log.info("%s", folded_words(*folded(work)))


def folded(work: Work) -> tuple[int, int]:
    """How many images of the pool are folded, and how many of these into one that is held out."""
    assert work.leader is not None
    return int((work.listing.in_pool & (work.leader != np.arange(len(work.leader)))).sum()), len(
        held_out_duplicates(work)
    )


def last_folded(ledger: Ledger) -> tuple[int, int]:
    """What `folded` said when images were last asked for."""
    rounds = ledger.rounds()
    events = ledger.events(FOLDED, rounds[-1].number) if rounds else []
    return (events[-1][1]["images"], events[-1][1]["held_out"]) if events else (0, 0)


def held_out_duplicates(work: Work) -> Ints:
    """Keys of the images of the pool that show nearly what a held-out one shows; a test with them would be no test."""
    if work.leader is None:
        return np.empty(0, np.int64)
    in_pool = work.listing.in_pool
    return np.flatnonzero(in_pool & ~in_pool[work.leader])


def folded_words(images: int, held_out: int) -> str:
    """What was folded, in words."""
    said = f"{images} images of the pool show nearly what another one shows; of each group only one is asked for"
    return f"{said}." if not held_out else f"{said}, and of {held_out} none: a held-out image shows it."
