"""What the images drawn at random say of classes without a label, and which images they cannot speak of."""

from __future__ import annotations

import math

import numpy as np

from alframe.engine.measuring.unseen_classes import MIN_DRAWN_IMAGES, estimate_unseen_classes
from alframe.loop.campaign import Campaign
from alframe.loop.learning import load_audit_draws
from alframe.loop.pool_counts import load_absent
from alframe.store.events import Predicted
from alframe.types import UnseenClasses


def random_draw_weights(campaign: Campaign) -> dict[int, float]:
    """Return the keys of all images that were drawn at random, each with the number of images that it represents.

    These are the audit of each round, and all images of a round with the sampler `random`. Only the ratios count.
    """
    ledger = campaign.ledger
    has_model = dict(ledger.events_of(Predicted))
    weights: dict[int, float] = {}
    rechecks = campaign.recheck_rounds()  # chosen for their doubtful labels, without a Predicted event
    for stored in ledger.stored_rounds():
        if stored.number in rechecks:
            continue
        if (stored.sampler if stored.number in has_model else stored.start_sampler) == "random":
            weights |= dict.fromkeys(stored.keys, 1.0)
    for draw in load_audit_draws(campaign, ledger.count_items()):
        sizes = np.bincount(draw.strata)
        stands_for = sizes[draw.strata[draw.keys]] * len(draw.keys) / max(1, sizes[1:].sum())  # 1 on average
        weights |= dict(zip(draw.keys.tolist(), stands_for.tolist(), strict=True))
    return weights


def describe_unseen_classes(campaign: Campaign) -> str:
    """Return a sentence on the classes without a label; empty if no labelled image was drawn at random."""
    counted = campaign.decided_labels().counted
    weights = random_draw_weights(campaign)
    stands_for = np.array([weights.get(label.item, 0.0) for label in counted])
    drawn = stands_for > 0
    if not drawn.any():
        return ""
    y = np.unique([label.class_name for label in counted], return_inverse=True)[1]
    found = estimate_unseen_classes(y[drawn], stands_for[drawn], np.bincount(y))
    return describe_unseen_estimate(found, int(drawn.sum()))


def describe_added_images(campaign: Campaign) -> str:
    """Return a sentence on images that came after the last draw that the estimates for the pool use; empty for none."""
    ledger = campaign.ledger
    audited = max((record.round for record in ledger.all_records() if record.audit), default=0)
    draws = [(number, strata) for number, strata in ledger.audit_strata().items() if number <= audited]
    if not draws or draws[-1][1][-1]:  # earlier versions wrote no zero behind all images
        return ""
    newest, known = draws[-1][0], len(draws[-1][1]) - 1
    left_out = {*load_absent(campaign), *ledger.held_out_keys(), *ledger.unreadable_reasons()}
    added = set(range(known, ledger.count_items())) - left_out
    if not added:
        return ""
    images, them = ("image was", "it") if len(added) == 1 else ("images were", "them")
    return (
        f"{len(added):,} {images} added to the pool after round {newest} was chosen. The estimates for the pool "
        f"include {them} as soon as a later round is labelled."
    )


def describe_unseen_estimate(unseen: UnseenClasses | None, image_count: int) -> str:
    """Return the estimate from `image_count` drawn images as a sentence; `unseen` is None if they are too few."""
    drawn = f"{image_count} labelled image{'s' if image_count != 1 else ''} drawn at random"
    if unseen is None:
        return (
            f"The number of classes without a label cannot be estimated yet from {drawn}. The estimate needs at least "
            f"{MIN_DRAWN_IMAGES} such images, and at least half of them must share their class with another one."
        )
    about, low = round(unseen.estimate), math.floor(unseen.low + 1e-6)
    share = f"at most {100 * unseen.largest_share:.2g} % of the pool (95 % confidence, estimated from {drawn})."
    if not about:
        return f"No class seems to be without a label. If there are some, their images are {share}"
    which = "class" if about == 1 else "classes"
    if not low:
        return f"About {about} {which} may have no label yet, and there may be more. Their images are {share}"
    verb = "has" if about == 1 else "have"
    return (
        f"About {about} {which} {verb} no label yet, and there may be more. Their number is at least {low}, and their "
        f"images are {share}"
    )
