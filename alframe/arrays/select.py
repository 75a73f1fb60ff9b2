"""Choose the rows of an array whose labels are the most useful."""

from __future__ import annotations

from typing import Any

import numpy as np

from alframe import seeding
from alframe.arrays.choosing import ArraySelection, build_sampler, choose_rows, find_head_maker, fit_head_to_rows
from alframe.arrays.pool import make_array_pool, read_row_labels
from alframe.contracts import Head, Sampler
from alframe.engine.needs import require_needs
from alframe.errors import BadParams
from alframe.kit.arrays import as_keys, as_probs, as_row_numbers
from alframe.types import MODEL_NEEDS, Floats, Need


def select(
    sampler: str | Sampler,
    features: Any = None,
    *,
    k: int = 20,
    labelled: Any = None,
    labels: Any = None,
    probs: Any = None,
    prob_samples: Any = None,
    head: str | Head | None = None,
    candidates: Any = None,
    keys: Any = None,
    sequences: Any = None,
    per_sequence: int | None = 1,
    seed: int = 0,
) -> ArraySelection:
    """Select the `k` unlabelled rows of `features` (N, D) whose labels are the most useful for the model.

    `sampler`: a name, as on the command line, or a sampler from ``alframe.build("sampler", name, ...)``.
    `features`: a NumPy array, memory map, tensor, DataFrame or nested lists. Not needed with `probs` alone.
    `labelled`: the rows with a label: keys (row numbers, or the index of a DataFrame) or a mask (N,).
    `labels`: their classes, in the same order; or the classes of all N rows; or a mapping from key to class. Without
        `labelled`, a row with a missing label (None, NaN, "") is unlabelled.
    `probs` (N, C): probabilities of your model. Without them, `head` is fitted if the sampler needs probabilities.
    `prob_samples` (T, N, C): probabilities of T draws of your model.
    `head`: the head's name, or a head; None: the default of the command line.
    `candidates`: the only rows that may be chosen, as keys or a mask; None: all without a label.
    `keys` (N,): the names of the rows; None: the index of a DataFrame, else the row numbers.
    `sequences` (N,): the burst of each row; at most `per_sequence` rows of a burst are chosen, if there are others.
    `seed`: decides all random choices.

    Raises BadParams (a ValueError) for wrong arguments, and UnmetNeed if the sampler needs data that are missing.
    """
    chosen_sampler, name = build_sampler(sampler, seed)
    given = _given_probs(probs, prob_samples)
    if features is None:
        if not given:
            raise BadParams(f"select({name!r}): give features (N, D), or the probs (N, C) of a model of your own.")
        if chosen_sampler.needs - given.keys():
            missing = ", ".join(sorted(need.value for need in chosen_sampler.needs - given.keys()))
            raise BadParams(f"select({name!r}): the sampler needs {missing}: give features (N, D) as well.")
        features = np.zeros((next(iter(given.values())).shape[-2], 1), np.float32)
        keys = as_keys(features, keys) if keys is not None or probs is None else as_keys(probs)
    pool = make_array_pool(features, keys, sequences)
    for need, array in given.items():
        if array.shape[-2] != len(pool):
            raise BadParams(f"{need.value} has {array.shape[-2]} rows, but features has {len(pool)}; give as many.")
    row_labels = read_row_labels(pool.keys, labelled, labels)
    rows = np.arange(len(pool)) if candidates is None else as_row_numbers(candidates, pool.keys, "candidates")
    rows = np.setdiff1d(rows, row_labels.rows)
    if not 1 <= k <= len(rows):
        raise BadParams(f"k={k}: must be from 1 to the number of candidates without a label, which is {len(rows)}.")
    rng = seeding.generator(seed, "sampler")
    fitted = None
    if chosen_sampler.needs & MODEL_NEEDS - given.keys():
        new_head, head_name = find_head_maker(head)
        head_part = new_head()
        require_needs(chosen_sampler, name, head_part, head_name)
        fitted = fit_head_to_rows(head_part, pool, row_labels, rows, seed, 0, name)
    return choose_rows(chosen_sampler, name, pool, rows, row_labels, fitted, k, rng, per_sequence, given_probs=given)


def _given_probs(probs: Any, prob_samples: Any) -> dict[Need, Floats]:
    """Return the probabilities that the caller gives, by need. Raises BadParams for another shape than theirs."""
    given: dict[Need, Floats] = {}
    for need, array, shape in ((Need.PROBS, probs, "(N, C)"), (Need.PROB_SAMPLES, prob_samples, "(T, N, C)")):
        if array is not None:
            given[need] = as_probs(array, need.value)
            if given[need].ndim != shape.count(",") + 1:
                raise BadParams(f"{need.value} has the shape {given[need].shape}; it must be {shape}.")
    return given | {Need.LABELLED_PROBS: given[Need.PROBS]} if Need.PROBS in given else given
