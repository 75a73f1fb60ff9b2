"""Make stratified folds of labelled rows as scikit-learn does, without importing it (which takes seconds)."""

from __future__ import annotations

import numpy as np

from alframe.types import Floats64, Ints


def stratified_folds(y: Ints, folds: int, seed: int) -> list[Ints]:
    """Split rows with classes `y` (m,) into random `folds` with the same share of each class; return the rows of each.

    The folds are the same as from scikit-learn's StratifiedKFold(folds, shuffle=True, random_state=seed). A class with
    fewer rows than folds is not in every fold. Raises ValueError if each class has fewer rows than there are folds.
    """
    rng = np.random.RandomState(seed)  # the generator of scikit-learn
    numbers = _number_by_appearance(y)
    counts = _count_class_rows(numbers, folds)
    order = np.sort(numbers)
    sizes = np.stack([np.bincount(order[fold::folds], minlength=len(counts)) for fold in range(folds)])
    fold_of = np.empty(len(y), np.intp)
    for number in range(len(counts)):
        of_class = np.arange(folds).repeat(sizes[:, number])
        rng.shuffle(of_class)
        fold_of[numbers == number] = of_class
    return [np.flatnonzero(fold_of == fold) for fold in range(folds)]


def stratified_group_folds(y: Ints, groups: Ints, folds: int, seed: int) -> list[Ints]:
    """Split rows with classes `y` (m,) into `folds` that keep each of the `groups` (m,) whole; return the rows of each.

    The folds are the same as from scikit-learn's StratifiedGroupKFold(folds, shuffle=True, random_state=seed). Groups
    with very unequal classes are placed first, each in the fold that makes the classes of all folds most similar.
    Raises ValueError if there are fewer groups than folds, or if each class has fewer rows than there are folds.
    """
    rng = np.random.RandomState(seed)
    totals = _count_class_rows(np.unique(y, return_inverse=True)[1], folds)
    counts = np.zeros((len(np.unique(groups)), len(totals)))
    if len(counts) < folds:
        raise ValueError(f"{len(counts)} groups cannot be cut into {folds} folds.")
    numbers = np.unique(groups, return_inverse=True)[1]
    np.add.at(counts, (numbers, np.unique(y, return_inverse=True)[1]), 1)
    shuffled = np.arange(len(counts))
    rng.shuffle(shuffled)
    fold_counts = np.zeros((folds, len(totals)))
    fold_of = np.empty(len(counts), np.intp)
    # A stable sort, so that groups that are equally unequal stay in their random order.
    for group in shuffled[np.argsort(-np.std(counts[shuffled], axis=1), kind="stable")].tolist():
        fold_of[group] = best = _find_best_fold(fold_counts, counts[group], totals)
        fold_counts[best] += counts[group]
    return [np.flatnonzero(fold_of[numbers] == fold) for fold in range(folds)]


def _find_best_fold(fold_counts: Floats64, added: Floats64, totals: Ints) -> int:
    """Return the fold that the `added` rows (P,) of a group make most alike; of equally good ones the smallest.

    `fold_counts` (f, P) are the rows of each class in each fold, and `totals` (P,) those of all.
    """
    folds = len(fold_counts)
    tried = np.repeat(fold_counts[None], folds, axis=0)  # (f, f, P): with the group in the first, the second, ... fold
    tried[np.arange(folds), np.arange(folds)] += added
    spread = np.std(tried / totals, axis=1).mean(axis=1)
    sizes = fold_counts.sum(axis=1)
    best, smallest, fewest = 0, np.inf, np.inf
    for fold, (value, size) in enumerate(zip(spread.tolist(), sizes.tolist(), strict=True)):
        is_as_good = abs(value - smallest) <= 1e-8 + 1e-5 * abs(smallest)  # as numpy.isclose
        if value < smallest or (is_as_good and size < fewest):
            best, smallest, fewest = fold, value, size
    return best


def _number_by_appearance(y: Ints) -> Ints:
    """Return the classes `y` (m,) as numbers: 0 is the one that comes first."""
    _, first, inverse = np.unique(y, return_index=True, return_inverse=True)
    return np.asarray(np.unique(first, return_inverse=True)[1][inverse])


def _count_class_rows(numbers: Ints, folds: int) -> Ints:
    """Return how many rows each class has. Raises ValueError if none has as many as there are folds."""
    counts = np.bincount(numbers)
    if folds > counts.max(initial=0):
        raise ValueError(f"No class has {folds} rows, one for each of {folds} folds.")
    return counts
