"""Small views of random images for tests of samplers, and what a valid selection is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from alframe.types import POOL_FACTS, Need, PoolView, Predict, Selection


def tiny_fields(
    needs: Iterable[Need], n: int = 20, labelled: int = 6, classes: int = 3, dim: int = 8, draws: int = 5, seed: int = 0
) -> dict[Need, npt.NDArray[Any]]:
    """Return random arrays of the right shapes and types for these needs, which a test may change."""
    rng = np.random.default_rng(seed)
    fields: dict[Need, npt.NDArray[Any]] = {
        Need.FEATURES: rng.normal(size=(n, dim)).astype(np.float32),
        Need.LABELLED_FEATURES: rng.normal(size=(labelled, dim)).astype(np.float32),
        Need.LABELS: rng.integers(0, classes, labelled),
        Need.CLASS_NAMES: np.array([f"class {number}" for number in range(classes)], np.str_),
        Need.PROBS: rng.dirichlet(np.ones(classes), n).astype(np.float32),
        Need.PROB_SAMPLES: rng.dirichlet(np.ones(classes), (draws, n)).astype(np.float32),
        Need.LABELLED_PROBS: rng.dirichlet(np.ones(classes), labelled).astype(np.float32),
        Need.HIDDEN_ACTIVATIONS: rng.normal(size=(n, 2 * dim)).astype(np.float32).clip(0),
        Need.SEQUENCES: np.arange(n) // 3,
        Need.LABELLED_SEQUENCES: np.arange(labelled) // 3,
        Need.BATCH_ERROR_RATES: rng.random(4).astype(np.float32),
        Need.CHOSEN_BY: np.array(["", "margin", "random", "gone"]),
        Need.IS_UNSEEN_BY_BACKBONE: np.arange(labelled) % 3 > 0,
        **_tiny_image_facts(n, rng),
    }
    for fact, of_labelled in POOL_FACTS.items():
        fields[of_labelled] = _tiny_image_facts(labelled, rng, "labelled")[fact]
    return {need: fields[need] for need in needs if need in fields}


def _tiny_image_facts(n: int, rng: np.random.Generator, folder: str = "pool") -> dict[Need, npt.NDArray[Any]]:
    """Return times within a year, thirty cameras, and ids; one image in nine has no time and no camera."""
    seconds, is_unknown = rng.integers(0, 365 * 86400, n), np.arange(n) % 9 == 4
    taken = np.datetime64("2024-01-01T00:00:00", "s") + seconds.astype("timedelta64[s]")
    return {
        Need.TAKEN: np.where(is_unknown, np.datetime64("NaT", "s"), taken),
        Need.CAMERAS: np.where(is_unknown, -1, rng.integers(0, 30, n)),
        Need.IDS: np.array([f"{folder}/image {number:04}.jpg" for number in range(n)], np.object_),
    }


def tiny_predict(classes: int = 3, dim: int = 8, seed: int = 0) -> Predict:
    """Return the function `predict` of a linear head with random weights."""
    weights = np.random.default_rng(seed).normal(size=(dim, classes)).astype(np.float32)
    return lambda x: softmax(np.asarray(x) @ weights, axis=1).astype(np.float32)


def tiny_keys(n: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Return distinct keys (n,) that are neither 0..n-1 nor in order."""
    return 1000 + 7 * np.random.default_rng(seed).permutation(n)


def tiny_view(
    needs: Iterable[Need], n: int = 20, labelled: int = 6, classes: int = 3, dim: int = 8, draws: int = 5, seed: int = 0
) -> PoolView:
    """Return a view of `n` random images with exactly the data that `needs` names."""
    predict = tiny_predict(classes, dim, seed) if Need.PREDICT in needs else None
    return PoolView(tiny_keys(n, seed), tiny_fields(needs, n, labelled, classes, dim, draws, seed), predict)


def assert_keys_of(view: PoolView, selection: Selection) -> None:
    """Assert that all keys of the `selection` are keys of the `view`."""
    strangers = sorted(set(np.asarray(selection.keys).tolist()) - set(view.keys.tolist()))
    assert not strangers, f"{strangers[:5]} are no keys of the view. If they are row numbers, return view.keys[rows]"


def assert_valid_selection(selection: Selection, view: PoolView, k: int) -> None:
    """Assert that `selection` has `k` distinct keys of `view`, and scores that descend, if any."""
    keys = np.asarray(selection.keys)
    assert keys.shape == (k,), f"the shape of keys must be ({k},), and is {keys.shape}"
    assert keys.dtype == np.int64, f"keys must be int64, and are {keys.dtype}"
    assert len(set(keys.tolist())) == k, f"keys are repeated: {sorted(keys.tolist())}"
    assert_keys_of(view, selection)
    if selection.scores is not None:
        scores = np.asarray(selection.scores)
        assert scores.shape == (k,) and scores.dtype == np.float32, "scores must be one float32 for each key"
        assert np.isfinite(scores).all(), f"scores must be finite: {scores}"
        assert (np.diff(scores) <= 1e-6 * np.abs(scores[:-1]) + 1e-6).all(), "the highest score must come first"
