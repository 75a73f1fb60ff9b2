"""The conformance suite of samplers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

from alframe.contracts import Sampler
from alframe.errors import AlframeError
from alframe.testing.part import PartSuite
from alframe.types import LazySamples, Need, PoolView, Predict, Selection


def tiny_fields(
    needs: Iterable[Need], n: int = 20, labelled: int = 6, classes: int = 3, dim: int = 8, draws: int = 5, seed: int = 0
) -> dict[Need, npt.NDArray[Any]]:
    """Return random arrays of the right shapes and types for these needs, which a test may change."""
    rng = np.random.default_rng(seed)
    fields: dict[Need, npt.NDArray[Any]] = {
        Need.FEATURES: rng.normal(size=(n, dim)).astype(np.float32),
        Need.LABELLED_FEATURES: rng.normal(size=(labelled, dim)).astype(np.float32),
        Need.LABELS: rng.integers(0, classes, labelled),
        Need.PROBS: rng.dirichlet(np.ones(classes), n).astype(np.float32),
        Need.PROB_SAMPLES: rng.dirichlet(np.ones(classes), (draws, n)).astype(np.float32),
        Need.LABELLED_PROBS: rng.dirichlet(np.ones(classes), labelled).astype(np.float32),
        Need.HIDDEN_ACTIVATIONS: rng.normal(size=(n, 2 * dim)).astype(np.float32).clip(0),
        Need.SEQUENCES: np.arange(n) // 3,
        Need.BATCH_ERROR_RATES: rng.random(4).astype(np.float32),
        Need.CHOSEN_BY: np.array(["", "margin", "random", "gone"]),
        Need.UNSEEN: np.arange(labelled) % 3 > 0,
    }
    return {need: fields[need] for need in needs if need in fields}


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
    """Return a view of `n` random images with exactly these needs."""
    predict = tiny_predict(classes, dim, seed) if Need.PREDICT in needs else None
    return PoolView(tiny_keys(n, seed), tiny_fields(needs, n, labelled, classes, dim, draws, seed), predict)


class SamplerSuite(PartSuite[Sampler]):
    """What every sampler must do: subclass it as TestX and return your sampler from `make`."""

    def obvious_choice(self) -> tuple[PoolView, int] | None:
        """Return a view and the key in it that must be selected first; None if no choice is obvious (random).

        By default one image is the least certain, the one that draws disagree on, and the one far away, all at once.
        """
        needs, n, row = self.make().needs, 12, 7
        if not needs & {Need.PROBS, Need.PROB_SAMPLES, Need.FEATURES}:
            return None
        fields = tiny_fields(needs, n, draws=6)
        certain = np.array([0.98, 0.01, 0.01], np.float32)
        if Need.PROBS in fields:
            fields[Need.PROBS][:] = certain
            fields[Need.PROBS][row] = 1 / 3
        if Need.PROB_SAMPLES in fields:
            fields[Need.PROB_SAMPLES][:] = certain
            fields[Need.PROB_SAMPLES][:, row] = [np.roll(certain, draw) for draw in range(6)]
        if Need.FEATURES in fields:
            fields[Need.FEATURES][row] = 50
        keys = tiny_keys(n)
        return self.view(fields, keys), int(keys[row])

    def view(self, fields: dict[Need, npt.NDArray[Any]], keys: npt.NDArray[np.int64] | None = None) -> PoolView:
        """Return a view of these fields, with a head to ask if the sampler needs one."""
        predict = tiny_predict() if Need.PREDICT in self.make().needs else None
        return PoolView(tiny_keys(20) if keys is None else keys, fields, predict)

    def select(self, view: PoolView, k: int, seed: int = 0) -> Selection:
        """Select as the engine does: it asks for at least one item, and for no more than there are."""
        k = min(k, len(view))
        return self.make().select(view, k, np.random.default_rng(seed)) if k else Selection(view.keys[:0])

    @pytest.mark.parametrize(("n", "k"), [(20, 1), (20, 5), (20, 20), (4, 9), (1, 1), (3, 0), (0, 0), (0, 5)])
    def test_k_distinct_keys_of_the_pool(self, n: int, k: int) -> None:
        view = tiny_view(self.make().needs, n=n)
        assert_valid_selection(self.select(view, k), view, min(n, k))

    @pytest.mark.parametrize("case", [{"labelled": 0}, {"classes": 1}], ids=str)
    def test_nothing_labelled_yet_or_one_class_only(self, case: dict[str, int]) -> None:
        view = tiny_view(self.make().needs, **case)
        assert_valid_selection(self.select(view, 5), view, 5)

    def test_identical_images(self) -> None:
        needs = self.make().needs
        fields = {need: np.ascontiguousarray(array) for need, array in tiny_fields(needs).items()}
        for need, array in fields.items():
            if need is Need.PROB_SAMPLES:
                array[:] = array[:, :1]
            elif need is not Need.LABELS:
                array[:] = array[:1]
        view = self.view(fields)
        assert_valid_selection(self.select(view, 5), view, 5)

    def test_same_rng_gives_the_same_selection(self) -> None:
        view, sampler = tiny_view(self.make().needs), self.make()
        first, second = (sampler.select(view, 5, np.random.default_rng(3)) for _ in range(2))
        assert first.keys.tolist() == second.keys.tolist(), "it keeps state, or draws from another generator"
        assert first.keys.tolist() == self.select(view, 5, seed=3).keys.tolist(), "a new sampler selects otherwise"

    def test_leaves_numpys_global_generator_alone(self) -> None:
        before = repr(np.random.get_state())  # noqa: NPY002  # this is the one that must not be used
        self.select(tiny_view(self.make().needs), 5)
        assert repr(np.random.get_state()) == before, "draw from `rng` only"  # noqa: NPY002

    def test_inputs_are_not_changed(self) -> None:
        fields = tiny_fields(self.make().needs)
        copies = {need: array.copy() for need, array in fields.items()}
        self.select(self.view(fields), 5)
        for need, array in fields.items():
            np.testing.assert_array_equal(array, copies[need], err_msg=f"view.{need.value} was changed")

    def test_reads_what_it_declares(self) -> None:
        needs = self.make().needs  # tiny_view holds nothing else, so that reading more raises UnmetNeed
        predict = tiny_predict() if Need.PREDICT in needs else None
        view = _Recording(tiny_keys(20), tiny_fields(needs), predict)
        self.select(view, 5)
        unread = {need.name for need in needs - view.read}
        assert not unread, f"{unread} would be computed for the whole pool, but is not read: remove it from `needs`"

    def test_obvious_choice_comes_first(self) -> None:
        case = self.obvious_choice()
        if case is None:
            pytest.skip("no choice is obvious to this sampler")
        view, best = case
        for k in (1, 3):
            first = self.select(view, k).keys[0]
            assert first == best, f"with k={k} it selects key {first} before {best}: is the sign of the score turned?"

    def test_features_or_probabilities_that_are_not_finite(self) -> None:
        for need, array in tiny_fields(self.make().needs).items():
            if array.dtype != np.float32 or array.ndim < 2:
                continue
            array[..., 4, 0] = np.nan
            keys = tiny_keys(20)
            view = self.view({**tiny_fields(self.make().needs), need: array})
            try:
                selection = self.select(view, 3)
            except AlframeError:
                continue  # it may refuse
            assert_valid_selection(selection, view, 3)
            labelled = need in (Need.LABELLED_FEATURES, Need.LABELLED_PROBS)
            assert labelled or keys[4] not in selection.keys, f"an image with NaN in view.{need.value} was selected"

    def test_prob_samples_in_chunks(self) -> None:
        fields: dict[Need, Any] = tiny_fields(self.make().needs)
        if Need.PROB_SAMPLES not in fields:
            pytest.skip("it needs no samples of the probabilities")
        expected, samples = self.select(self.view(fields), 5), fields[Need.PROB_SAMPLES]
        fields[Need.PROB_SAMPLES] = _SmallChunks(lambda rows: samples[:, rows].copy(), samples.shape, np.arange(20))
        assert self.select(self.view(fields), 5).keys.tolist() == expected.keys.tolist(), "the cut must not matter"

    def test_memory_mapped_fields(self, tmp_path: Path) -> None:
        fields = tiny_fields(self.make().needs)
        expected = self.select(self.view(fields), 5)
        for need, array in fields.items():
            np.save(tmp_path / f"{need.value}.npy", array)
        mapped = {need: np.load(tmp_path / f"{need.value}.npy", mmap_mode="r") for need in fields}
        assert self.select(self.view(mapped), 5).keys.tolist() == expected.keys.tolist()


class _SmallChunks(LazySamples):
    def chunks(self) -> list[slice]:
        return [slice(start, start + 7) for start in range(0, max(1, len(self)), 7)]


class _Recording(PoolView):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.read: set[Need] = set()

    @property
    def predict(self) -> Predict:
        self.read.add(Need.PREDICT)
        return super().predict

    def _field(self, need: Need) -> npt.NDArray[Any]:
        self.read.add(need)
        return super()._field(need)


def assert_valid_selection(selection: Selection, view: PoolView, k: int) -> None:
    """Assert that `selection` has `k` distinct keys of `view`, and scores that descend, if any."""
    keys = np.asarray(selection.keys)
    assert keys.shape == (k,), f"the shape of keys must be ({k},), and is {keys.shape}"
    assert keys.dtype == np.int64, f"keys must be int64, and are {keys.dtype}"
    assert len(set(keys.tolist())) == k, f"keys are repeated: {sorted(keys.tolist())}"
    assert set(keys.tolist()) <= set(view.keys.tolist()), "keys that are not in the pool: row numbers, perhaps?"
    if selection.scores is not None:
        scores = np.asarray(selection.scores)
        assert scores.shape == (k,) and scores.dtype == np.float32, "scores must be one float32 for each key"
        assert np.isfinite(scores).all(), f"scores must be finite: {scores}"
        assert (np.diff(scores) <= 1e-6 * np.abs(scores[:-1]) + 1e-6).all(), "the highest score must come first"
