"""Let the sampler choose, and check that it fulfils its contract."""

from __future__ import annotations

import math
import reprlib
from collections import Counter
from collections.abc import Mapping

import numpy as np

from alframe.contracts import Sampler
from alframe.errors import BadSelection
from alframe.types import AuditDraw, Floats, Ints, PoolView, Selection

MAX_DEVIATION_RATIO = 4.0  # of an image to an average one: with four times as many images, no stratum is empty


def select_with_sequence_limit(
    sampler: Sampler,
    view: PoolView,
    sequences: Ints,
    k: int,
    per_sequence: int | None,
    rng: np.random.Generator,
    name: str | None = None,
) -> Selection:
    """Select at most `per_sequence` items of each sequence, as long as there are others; None: without a limit.

    `sequences` (n,) is the sequence of each of the view's keys, -1 for none. The sampler is called again for the
    remaining items until the batch is full, and sees the items of earlier calls as labelled. Raises BadSelection as
    `run_sampler` does.
    """
    if per_sequence is None or (sequences < 0).all():
        return run_sampler(sampler, view, k, rng, name)
    order = np.argsort(view.keys)
    counts: Counter[int] = Counter()
    chosen: list[int] = []
    scores: list[float] = []
    chosen_by = ""
    details: Mapping[str, float] = {}
    rest, limited = view, True
    while len(chosen) < k and len(rest):
        turn = run_sampler(sampler, rest, k - len(chosen), rng, name)
        turn_scores = [math.nan] * len(turn.keys) if turn.scores is None else turn.scores.tolist()
        turn_sequences = sequences[order[np.searchsorted(view.keys, turn.keys, sorter=order)]]
        for key, sequence, score in zip(turn.keys.tolist(), turn_sequences.tolist(), turn_scores, strict=True):
            if not limited or sequence < 0 or counts[sequence] < per_sequence:
                counts[sequence] += 1
                chosen.append(key)
                scores.append(score)
        full = [sequence for sequence, count in counts.items() if sequence >= 0 and count >= per_sequence]
        unchosen = ~np.isin(view.keys, chosen)
        allowed = unchosen & ~np.isin(sequences, full)
        chosen_by, details = chosen_by or turn.chosen_by, details or turn.details
        limited = bool(allowed.any())  # every sequence is used up: then the best of the others
        rest = view.after_choosing(~unchosen, allowed if limited else unchosen)
    all_scores = None if np.isnan(scores).any() else np.array(scores, np.float32)
    return Selection(np.array(chosen, np.int64), all_scores, chosen_by, details)


def draw_audit(
    keys: Ints, size: int, fraction: float, rng: np.random.Generator, confidence: Floats | None = None
) -> AuditDraw:
    """Draw the audit of a batch of `size` at random from all `keys` (n,), without regard to samplers and bursts.

    A fraction between 0 and 1 draws at least one image, and leaves at least one for the sampler; 1 draws the whole
    batch. A batch of one image has no audit. With the model's `confidence` (n,), one image is drawn from each stratum
    (images of similar confidence), if there are enough images.
    """
    strata = np.zeros(int(keys.max(initial=-1)) + 1, np.int64)
    strata[keys] = 1
    if fraction <= 0 or size < 2:
        return AuditDraw(keys[:0], strata)
    count = min(math.ceil(fraction * size), size - 1) if fraction < 1 else size
    if confidence is None or len(keys) < MAX_DEVIATION_RATIO * count:
        return AuditDraw(rng.choice(keys, count, replace=False), strata)
    strata[keys] = 1 + stratify(confidence, count)
    members = np.split(keys[np.argsort(strata[keys], kind="stable")], np.bincount(strata[keys])[1:-1].cumsum())
    return AuditDraw(np.array([rng.choice(stratum) for stratum in members], np.int64), strata)


def stratify(confidence: Floats, count: int) -> Ints:
    """Return (n,) the stratum of each image, 0 to `count` - 1, so that one image of each is drawn; n >= 4 * `count`.

    Images are ordered by the model's `confidence` (n,), and cut into strata with equal sums of the standard deviations
    of being right. With one draw from each stratum, this gives Neyman's shares (1934; cuts as by Dalenius and Hodges
    1959). The mean deviation is added to each image, because the model may be confident and wrong.
    """
    deviation = np.sqrt(np.clip(confidence * (1 - confidence), 0, None), dtype=np.float64)
    deviation = np.minimum(1 + deviation / (deviation.mean() or 1), MAX_DEVIATION_RATIO)
    order = np.argsort(confidence, kind="stable")
    middles = np.cumsum(deviation[order]) - deviation[order] / 2
    strata = np.empty(len(confidence), np.int64)
    strata[order] = np.minimum(middles / deviation.sum() * count, count - 1).astype(np.int64)
    return strata


def interleave_audit(chosen: Selection, audit: Ints, rng: np.random.Generator) -> Selection:
    """Join both into one batch, with the audit at random places, so that the beginning of a batch has its share.

    The order of the chosen images stays. The images of the audit have no scores (nan).
    """
    size = len(chosen.keys) + len(audit)
    is_audit = np.zeros(size, bool)
    is_audit[rng.choice(size, len(audit), replace=False)] = True
    keys = np.empty(size, np.int64)
    keys[is_audit], keys[~is_audit] = audit, chosen.keys
    if chosen.scores is None:
        return Selection(keys, chosen_by=chosen.chosen_by)
    scores = np.full(size, np.nan, np.float32)
    scores[~is_audit] = chosen.scores
    return Selection(keys, scores, chosen.chosen_by)


def run_sampler(
    sampler: Sampler, view: PoolView, k: int, rng: np.random.Generator, name: str | None = None
) -> Selection:
    """Select min(k, n) distinct items of the view. A sampler is never called for zero items or for too many.

    Raises BadSelection if the sampler breaks its contract. The message has its `name`, or else its class.
    """
    k = min(k, len(view))
    if k <= 0:
        return Selection(view.keys[:0])
    selection = sampler.select(view, k, rng)
    fault = _find_fault(selection, view, k)
    if fault is not None:
        raise BadSelection(
            f"{name or f'sampler {type(sampler).__name__}'} {fault}. If it is your own, correct it; else report it."
        )
    keys, scores = np.asarray(selection.keys, np.int64), selection.scores
    scores = None if scores is None else np.asarray(scores, np.float32)
    return Selection(keys, scores, selection.chosen_by, selection.details)


def _find_fault(selection: object, view: PoolView, k: int) -> str | None:
    """Return how a selection breaks the contract, or None."""
    if not isinstance(selection, Selection):
        return f"returned {reprlib.repr(selection)} ({type(selection).__name__}), not an alframe.types.Selection(keys)"
    try:
        keys = np.asarray(selection.keys)
        scores = np.zeros(k) if selection.scores is None else np.asarray(selection.scores, np.float32)
    except (TypeError, ValueError) as error:
        return f"gave keys or scores that are no array of numbers ({error}): {reprlib.repr(selection)}"
    if keys.ndim != 1 or (len(keys) and keys.dtype.kind not in "iu"):
        return f"gave keys of the shape {keys.shape} and the type {keys.dtype}, not {k} whole numbers"
    if len(keys) != k:
        return f"chose {len(keys)} items instead of {k}"
    values, counts = np.unique(keys, return_counts=True)
    if len(values) != k:
        return f"chose an item twice (key {values[counts.argmax()]})"
    strangers = keys[~np.isin(keys, view.keys)]
    if len(strangers):
        return f"chose an item that is not in the pool it was shown (key {strangers[0]})"
    if scores.shape != (k,):
        return f"gave {len(np.atleast_1d(scores))} scores of the shape {scores.shape} for {k} items"
    if not np.isfinite(scores).all():
        return f"gave a score that is not finite ({scores[~np.isfinite(scores)][0]})"
    return None
