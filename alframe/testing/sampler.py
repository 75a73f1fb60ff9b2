"""The conformance suite of samplers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from alframe.contracts import ScoresPool
from alframe.errors import AlframeError
from alframe.kit.scoring import select_top_k
from alframe.testing.other_process import as_in_another_process
from alframe.testing.part import writing_nothing
from alframe.testing.sampler_choices import SamplerChoicesSuite
from alframe.testing.tiny_views import assert_valid_selection as assert_valid_selection
from alframe.testing.tiny_views import tiny_fields as tiny_fields
from alframe.testing.tiny_views import tiny_keys as tiny_keys
from alframe.testing.tiny_views import tiny_predict as tiny_predict
from alframe.testing.tiny_views import tiny_view as tiny_view
from alframe.types import LazySamples, Need, PoolView, Predict


class SamplerSuite(SamplerChoicesSuite):
    """Tests of every sampler. Write a subclass with a name like TestX, whose `make` returns your sampler."""

    @pytest.mark.parametrize(("n", "k"), [(20, 1), (20, 5), (20, 20), (4, 9), (1, 1), (3, 0), (0, 0), (0, 5)])
    def test_k_distinct_keys_of_the_pool(self, n: int, k: int) -> None:
        view = tiny_view(self.make().needs, n=n)
        assert_valid_selection(self.select(view, k), view, min(n, k))

    @pytest.mark.parametrize(("n", "k"), [(60, 45), (200, 130), (300, 1)])
    def test_large_batches_of_large_pools(self, n: int, k: int) -> None:
        for seed in range(2):
            view = tiny_view(self.make().needs, n=n, labelled=25, classes=5, dim=11, seed=seed)
            assert_valid_selection(self.select(view, k, seed), view, k)

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
        assert first.keys.tolist() == second.keys.tolist(), "the sampler keeps state, or draws from another generator"
        assert first.keys.tolist() == self.select(view, 5, seed=3).keys.tolist(), (
            "a new sampler with the same rng selects other images"
        )
        with as_in_another_process():
            other = self.select(view, 5, seed=3).keys.tolist()
        assert first.keys.tolist() == other, (
            "another selection on another day, or in another process, where hash() of a text gives another number: "
            "draw from `rng`, and take no seed from the clock or from hash()"
        )

    def test_remembers_nothing_of_another_pool(self) -> None:
        sampler = self.make()
        for seed in range(4):  # the keys stay the same for two rounds, as if the model alone had changed
            view = self.view(tiny_fields(sampler.needs, n=30, seed=seed), tiny_keys(30, seed // 2))
            again = sampler.select(view, 5, np.random.default_rng(0)).keys.tolist()
            assert again == self.select(view, 5).keys.tolist(), (
                "an earlier call changes the selection: keep nothing for the next call, also not by key, because "
                "each round has another model"
            )

    def test_leaves_numpys_global_generator_alone(self) -> None:
        before = repr(np.random.get_state())  # noqa: NPY002  # this is the one that must not be used
        self.select(tiny_view(self.make().needs), 5)
        assert repr(np.random.get_state()) == before, "draw from `rng` only"  # noqa: NPY002

    def test_selection_writes_nothing(self, tmp_path: Path) -> None:
        with writing_nothing(tmp_path, "select() writes {}: a sampler must write no file"):
            self.select(tiny_view(self.make().needs), 5)

    def test_inputs_are_not_changed(self) -> None:
        fields = tiny_fields(self.make().needs)
        copies = {need: array.copy() for need, array in fields.items()}
        self.select(self.view(fields), 5)
        for need, array in fields.items():
            np.testing.assert_array_equal(array, copies[need], err_msg=f"view.{need.value} was changed")

    def test_reads_what_it_declares(self) -> None:
        needs = self.make().needs  # tiny_view holds nothing else, so that reading more raises UnmetNeed
        predict = tiny_predict() if Need.PREDICT in needs else None
        view = _ReadRecordingView(tiny_keys(20), tiny_fields(needs), predict)
        self.select(view, 5)
        unread = {need.name for need in needs - view.read}
        assert not unread, f"the sampler does not read {unread}, which takes time to compute: remove it from `needs`"

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

    def test_class_that_a_parameter_names_may_have_no_label_yet(self) -> None:
        fields = tiny_fields(self.make().needs)
        if Need.CLASS_NAMES not in fields:
            pytest.skip("the sampler does not need the class names")
        fields[Need.CLASS_NAMES] = np.array([f"new class {number}" for number in range(3)], np.str_)
        view = self.view(fields)
        try:
            selection = self.select(view, 5)
        except AlframeError:
            return  # it may refuse
        except (LookupError, ValueError) as error:
            raise AssertionError(
                f"a class that a parameter names may have no label yet: then select without it ({error})"
            ) from error
        assert_valid_selection(selection, view, 5)

    def test_prob_samples_in_chunks(self) -> None:
        fields: dict[Need, Any] = tiny_fields(self.make().needs)
        if Need.PROB_SAMPLES not in fields:
            pytest.skip("the sampler needs no samples of the probabilities")
        expected, samples = self.select(self.view(fields), 5), fields[Need.PROB_SAMPLES]
        fields[Need.PROB_SAMPLES] = _SamplesInSmallChunks(
            lambda rows: samples[:, rows].copy(), samples.shape, np.arange(20)
        )
        assert self.select(self.view(fields), 5).keys.tolist() == expected.keys.tolist(), (
            "it may not matter how samples are cut"
        )

    def test_pool_scores_are_those_it_selects_by(self) -> None:
        sampler = self.make()
        if not isinstance(sampler, ScoresPool):
            pytest.skip("the sampler has no score_pool()")
        view = tiny_view(sampler.needs, n=200)
        scores = sampler.score_pool(view)
        assert scores.shape == (200,) and scores.dtype == np.float32, "scores must be one float32 for each item"
        best = select_top_k(view.keys, scores, 60, np.random.default_rng(3))
        selection = sampler.select(view, 60, np.random.default_rng(3))
        assert selection.keys.tolist() == best.keys.tolist(), "the images with the highest scores are not selected"

    def test_memory_mapped_fields(self, tmp_path: Path) -> None:
        fields = tiny_fields(self.make().needs)
        expected = self.select(self.view(fields), 5)
        mapped = {}
        for need, array in fields.items():
            mapped[need] = array
            if not array.dtype.hasobject:  # texts cannot be mapped
                np.save(tmp_path / f"{need.value}.npy", array)
                mapped[need] = np.load(tmp_path / f"{need.value}.npy", mmap_mode="r")
        selected = self.select(self.view(mapped), 5).keys.tolist()
        assert selected == expected.keys.tolist(), (
            f"from the same arrays in a read-only file, {selected} are selected instead of {expected.keys.tolist()}"
        )


class _SamplesInSmallChunks(LazySamples):
    def row_slices(self) -> list[slice]:
        return [slice(start, start + 7) for start in range(0, max(1, len(self)), 7)]


class _ReadRecordingView(PoolView):
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
