"""The conformance suite of heads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from alframe.contracts import AcquisitionProbs, ExportableHead, Head, HiddenActivations, UsesFitContext, UsesUnlabelled
from alframe.errors import UnmetNeed
from alframe.testing.head_weights import HeadWeightsSuite, overlapping_clusters
from alframe.types import FitContext, Floats, Ints


def separable_clusters(per_class: int = 12, classes: int = 3, dim: int = 16, seed: int = 0) -> tuple[Floats, Ints]:
    """Return well separated clusters far from the origin: `x` (m, D) and class numbers `y` (m,), in mixed order."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(classes), per_class))
    centres = 6 * np.random.default_rng(99).normal(size=(classes, dim)) + 20
    return (centres[y] + rng.normal(size=(len(y), dim))).astype(np.float32), y


def assert_probabilities(probs: Floats, n: int, classes: int) -> None:
    """Assert that `probs` are `n` float32 distributions over `classes`."""
    assert probs.shape == (n, classes), f"the shape must be ({n}, {classes}), and is {probs.shape}"
    assert probs.dtype == np.float32, f"probabilities must be float32, and are {probs.dtype}"
    assert (probs >= 0).all() and np.isfinite(probs).all(), "probabilities must be finite and at least 0"
    np.testing.assert_allclose(probs.sum(axis=1), np.ones(n), atol=1e-5, err_msg="each row must sum to 1")


def accuracy(probs: Floats, y: Ints) -> float:
    """Return the share of rows whose most probable class is the one in `y`."""
    return float((probs.argmax(axis=1) == y).mean())


PART_MESSAGE = "some of the images get other numbers than the same images among others"


class HeadSuite(HeadWeightsSuite):
    """Tests of every head. Write a subclass with a name like TestX, whose `make` returns your head."""

    @pytest.mark.parametrize("classes", [2, 3])
    def test_tells_separate_clusters_apart(self, classes: int) -> None:
        x, y = separable_clusters(classes=classes, seed=1)
        probs = self.fitted(*separable_clusters(classes=classes), classes=classes).probs(x)
        assert_probabilities(probs, len(x), classes)
        assert accuracy(probs, y) > 0.95, "clusters far apart are not distinguished"

    def test_class_without_examples_gets_nothing(self) -> None:
        x, y = separable_clusters(classes=2)
        y = np.array([0, 3])[y]
        probs = self.fitted(x, y, classes=5).probs(x)
        assert_probabilities(probs, len(x), 5)
        assert probs[:, [1, 2, 4]].max() < 1e-6, "a class without an example must have probability 0"
        assert accuracy(probs, y) > 0.95, "the classes with examples are mixed up"

    @pytest.mark.parametrize("dim", [1, 5, 40])
    def test_any_width_of_the_embedding(self, dim: int) -> None:
        x, y = separable_clusters(classes=2, dim=dim)
        probs = self.fitted(x, y, classes=2).probs(x)
        assert_probabilities(probs, len(x), 2)
        assert accuracy(probs, y) > 0.95, f"clusters far apart in {dim} dimensions are not distinguished"

    @pytest.mark.parametrize("rare", [0, 1, 2])
    def test_class_with_one_example(self, rare: int) -> None:
        x, y = separable_clusters()
        kept = np.flatnonzero((y != rare) | (np.cumsum(y == rare) == 1))
        probs = self.fitted(x[kept], y[kept], classes=3).probs(x)
        assert_probabilities(probs, len(x), 3)
        common = y != rare
        assert accuracy(probs[common], y[common]) > 0.9, "one example of a class spoils the others"

    @pytest.mark.parametrize("order", ["sorted", "reversed", "rare last"])
    def test_order_of_the_examples_does_not_matter(self, order: str) -> None:
        """Labels come in any order, and the numbers of the classes need not be in the order of their first example."""
        x, y = separable_clusters(classes=4)
        rows = {"sorted": np.argsort(y), "reversed": np.argsort(-y), "rare last": np.argsort(y == 1)}[order]
        probs = self.fitted(x[rows], y[rows], classes=4).probs(x)
        assert accuracy(probs, y) > 0.95, f"with the examples {order}, the classes are mixed up"

    def test_what_it_is_given_is_not_changed(self) -> None:
        x, y = overlapping_clusters()
        copies = x.copy(), y.copy()
        head = self.fitted(x, y, classes=3)
        head.probs(x)
        if head.stochastic:
            head.prob_samples(x, 2, np.random.default_rng(0))
        np.testing.assert_array_equal(x, copies[0], err_msg="the embeddings were changed")
        np.testing.assert_array_equal(y, copies[1], err_msg="the labels were changed")

    def test_probabilities_do_not_depend_on_the_other_images(self) -> None:
        x, _ = overlapping_clusters(seed=1)
        head = self.fitted(*overlapping_clusters(), classes=3)
        probs = head.probs(x)
        for rows in (slice(3, 4), slice(0, 9), np.array([20, 3, 11])):
            np.testing.assert_allclose(head.probs(x[rows]), probs[rows], atol=1e-5, err_msg=PART_MESSAGE)

    @pytest.mark.parametrize("examples", [1, 5])
    def test_one_class_only(self, examples: int) -> None:
        x, _ = separable_clusters()
        probs = self.fitted(x[:examples], np.full(examples, 1), classes=3).probs(x)
        expected, message = np.tile(np.array([0.0, 1.0, 0.0]), (len(x), 1)), "the only class with examples is certain"
        np.testing.assert_allclose(probs, expected, atol=1e-6, err_msg=message)

    def test_constant_features(self) -> None:
        x, y = separable_clusters()
        x[:, :4] = [0, 1, -3, 1e4]
        probs = self.fitted(x, y, classes=3).probs(x)
        assert_probabilities(probs, len(x), 3)
        assert accuracy(probs, y) > 0.95, "features that are the same in all examples must not hide the others"

    def test_state_survives_storage(self) -> None:
        x, y = overlapping_clusters()  # no probability is 0 or 1, which a wrong scale would leave as they are
        head, loaded = self.fitted(x, y, classes=4), self.make()
        loaded.fit(*separable_clusters(classes=2, seed=3), 2, np.random.default_rng(0))  # what it was must be forgotten
        stored = save({name: np.ascontiguousarray(array) for name, array in head.state().items()})  # as in a model
        loaded.load(load(stored))
        message = "a new head that has loaded state() predicts otherwise: state() must hold all that fit() learns"
        np.testing.assert_array_equal(loaded.probs(x), head.probs(x), err_msg=message)
        if head.stochastic:
            first, second = (each.prob_samples(x, 3, np.random.default_rng(5)) for each in (head, loaded))
            np.testing.assert_array_equal(first, second, err_msg=message)
        if isinstance(head, HiddenActivations):
            assert isinstance(loaded, HiddenActivations), "a head that has loaded a state lacks hidden_activations()"
            np.testing.assert_array_equal(head.hidden_activations(x), loaded.hidden_activations(x), err_msg=message)

    def test_hidden_activations(self) -> None:
        x, y = overlapping_clusters()
        head = self.fitted(x, y, classes=3)
        if not isinstance(head, HiddenActivations):
            pytest.skip("the head has no hidden_activations()")
        outputs = head.hidden_activations(x)
        assert outputs.ndim == 2 and len(outputs) == len(x), f"(n, A) is expected, and the shape is {outputs.shape}"
        assert np.isfinite(outputs).all() and outputs.std(axis=0).max() > 0, "the outputs must be finite, and differ"
        np.testing.assert_allclose(head.hidden_activations(x[4:9]), outputs[4:9], atol=1e-4, err_msg=PART_MESSAGE)

    @pytest.mark.parametrize("y", [[0, 1, 3], [2, 2, 2]], ids=["one class without an example", "one class"])
    def test_logits_module(self, y: list[int]) -> None:
        import torch

        x, clusters = overlapping_clusters()
        head = self.fitted(x, np.array(y)[clusters], classes=4)
        if not isinstance(head, ExportableHead):
            pytest.skip("it cannot be computed by PyTorch")
        new, _ = overlapping_clusters(seed=1)
        with torch.inference_mode():
            logits = head.logits_module()(torch.from_numpy(new))
        shape, is_valid = (len(new), 4), logits.shape == (len(new), 4) and logits.dtype == torch.float32
        assert is_valid, f"the logits must be float32 {shape}, and are {logits.dtype} {tuple(logits.shape)}"
        message = "the softmax of the logits differs from `probs`"
        np.testing.assert_allclose(logits.softmax(dim=1).numpy(), head.probs(new), atol=1e-5, err_msg=message)

    def test_acquisition_probs(self) -> None:
        x, y = overlapping_clusters()
        y = np.array([0, 1, 3])[y]
        head = self.fitted(x, y, classes=5)
        if not isinstance(head, AcquisitionProbs):
            pytest.skip("the head has no acquisition_probs()")
        probs = head.acquisition_probs(x)
        assert_probabilities(probs, len(x), 5)
        assert probs[:, [2, 4]].max() < 1e-6, "a class without an example must have probability 0"
        message = "the same images get other acquisition_probs(), alone or from a loaded state"
        np.testing.assert_allclose(head.acquisition_probs(x[3:8]), probs[3:8], atol=1e-5, err_msg=message)
        loaded = self.make()
        loaded.load(load(save({name: np.ascontiguousarray(array) for name, array in head.state().items()})))
        assert isinstance(loaded, AcquisitionProbs), "a new head that has loaded a state lacks acquisition_probs()"
        np.testing.assert_array_equal(loaded.acquisition_probs(x), probs, err_msg=message)

    def test_new_fit_forgets_the_old(self) -> None:
        x, y = overlapping_clusters()
        head = self.fitted(x[:, ::-1].copy(), y[::-1].copy(), classes=3)
        head.fit(x, y, 3, np.random.default_rng(0))
        message = "a head that was fitted before predicts otherwise than a new one: fit() must forget the earlier fit"
        np.testing.assert_array_equal(head.probs(x), self.fitted(x, y, classes=3).probs(x), err_msg=message)

    def test_same_rng_gives_the_same_fit(self) -> None:
        x, y = overlapping_clusters()
        first, second = (self.fitted(x, y, classes=3, seed=8).probs(x) for _ in range(2))
        np.testing.assert_array_equal(first, second, err_msg="the same rng gives another fit: draw from `rng` only")

    def test_random_numbers_of_a_fit_come_from_rng(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A generator with a seed of its own draws the same in every campaign, whatever the campaign's seed."""
        x, y = overlapping_clusters()
        generator = np.random.default_rng
        seeds: list[set[str]] = []
        for number in range(2):
            rng, seen = generator(number), set[str]()

            def record_seed(seed: Any = None, seen: set[str] = seen) -> np.random.Generator:
                if not isinstance(seed, np.random.Generator | np.random.BitGenerator):
                    seen.add(repr(seed))
                return generator(seed)

            with monkeypatch.context() as patch:
                patch.setattr(np.random, "default_rng", record_seed)
                self.make().fit(x, y, 3, rng)
            seeds.append(seen)
        fixed = seeds[0] & seeds[1]
        assert not fixed, f"fit() draws from np.random.default_rng({', '.join(fixed)}): draw from `rng`"

    def test_prob_samples(self) -> None:
        x, y = separable_clusters()
        x += np.random.default_rng(2).normal(scale=8, size=x.shape).astype(np.float32)  # so that there is doubt
        head = self.fitted(x, y, classes=3)
        if not head.stochastic:
            with pytest.raises(UnmetNeed):
                head.prob_samples(x, 3, np.random.default_rng(0))
            return
        samples = head.prob_samples(x, 4, np.random.default_rng(0))
        assert samples.shape == (4, len(x), 3), f"the shape must be (draws, n, C), and is {samples.shape}"
        assert_probabilities(samples.reshape(-1, 3), 4 * len(x), 3)
        assert not np.array_equal(samples[0], samples[1]), "a stochastic head's draws must differ"
        again = head.prob_samples(x, 4, np.random.default_rng(0))
        np.testing.assert_array_equal(samples, again, err_msg="the same rng gives other draws: draw from `rng` only")
        assert not np.array_equal(samples, head.prob_samples(x, 4, np.random.default_rng(1))), "draws must use `rng`"
        np.testing.assert_array_equal(head.probs(x), head.probs(x), err_msg="probs must not be random")
        message = "a draw is one model for all images: more images must not change the draws of the others"
        for rows in (slice(5, 9), slice(0, 0), np.array([30, 2, 17])):  # as a pool is asked about, chunk by chunk
            chunk = head.prob_samples(x[rows], 4, np.random.default_rng(0))
            np.testing.assert_allclose(chunk, samples[:, rows], atol=1e-5, err_msg=message)
        many = np.arange(2**14 + 5) % len(x)  # more than a chunk of the kit, and than one of a plugin
        large = head.prob_samples(x[many], 4, np.random.default_rng(0))
        np.testing.assert_allclose(large, samples[:, many], atol=1e-5, err_msg=f"{message} ({len(many)} images)")

    def test_empty_and_large_pools(self) -> None:
        x, _ = separable_clusters(per_class=1)
        head = self.fitted(*separable_clusters(), classes=3)
        assert_probabilities(head.probs(x[:0]), 0, 3)
        assert_probabilities(head.probs(-100 * x), 3, 3)  # images that are far from all labelled ones
        probs = head.probs(np.repeat(x, 3000, axis=0))
        np.testing.assert_allclose(probs, np.repeat(head.probs(x), 3000, axis=0), atol=1e-5, err_msg=PART_MESSAGE)

    def test_memory_mapped_embeddings(self, tmp_path: Path) -> None:
        x, y = separable_clusters()
        np.save(tmp_path / "x.npy", x)
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        expected = self.fitted(x, y, classes=3).probs(x)
        found = self.fitted(mapped, y, classes=3).probs(mapped)
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg="a read-only file gives other probabilities")

    def fitted_with_context(self, context: FitContext, x: Floats, y: Ints, classes: int) -> Head:
        """Return a new head, fitted with what is known of the labels; skip the test of a head that does not use it."""
        head = self.make()
        if not isinstance(head, UsesFitContext):
            pytest.skip("the head has no fit_with_context()")
        head.fit_with_context(x, y, classes, np.random.default_rng(0), context)
        return head

    def test_context_without_information_changes_nothing(self) -> None:
        x, y = overlapping_clusters()
        probs = self.fitted_with_context(FitContext.unknown(len(y)), x, y, 3).probs(x)
        expected = self.fitted(x, y, classes=3).probs(x)
        np.testing.assert_array_equal(probs, expected, err_msg="FitContext.unknown must fit as fit() does")

    @pytest.mark.parametrize("known", ["none is unseen", "one group", "a group for each class", "pairs"])
    def test_any_context(self, known: str) -> None:
        x, y = separable_clusters()
        unknown = FitContext.unknown(len(y))
        context = {
            "none is unseen": replace(unknown, is_unseen_by_backbone=np.zeros(len(y), np.bool_)),
            "one group": replace(unknown, groups=np.zeros(len(y), np.int64)),
            "a group for each class": replace(unknown, groups=y),
            "pairs": replace(unknown, groups=7 * (np.arange(len(y)) // 2)),
        }[known]
        head = self.fitted_with_context(context, x, y, 3)
        assert_probabilities(head.probs(x), len(x), 3)
        assert accuracy(head.probs(x), y) > 0.95, f"if {known}, clusters far apart are not distinguished"

    def test_images_without_a_label(self) -> None:
        """Their order does not matter, they may be few or none, and nothing that is given is changed."""
        x, y = overlapping_clusters()
        if not isinstance(self.make(), UsesUnlabelled):
            pytest.skip("the head has no max_unlabelled")
        unlabelled, _ = overlapping_clusters(per_class=40, seed=1)
        order = np.random.default_rng(3).permutation(len(unlabelled))
        copy, context = unlabelled.copy(), replace(FitContext.unknown(len(y)), unlabelled=unlabelled)
        head = self.fitted_with_context(context, x, y, 3)
        shuffled = self.fitted_with_context(replace(context, unlabelled=unlabelled[order]), x, y, 3)
        np.testing.assert_array_equal(unlabelled, copy, err_msg="the embeddings without a label were changed")
        message = "the order of the images without a label must not matter"
        np.testing.assert_allclose(shuffled.probs(x), head.probs(x), atol=1e-4, err_msg=message)
        without = self.fitted(x, y, classes=3)
        assert not np.allclose(head.probs(x), without.probs(x), atol=1e-4), "unlabelled images change nothing"
        message = "a part of the images gets other probabilities than the same images among others"
        np.testing.assert_allclose(head.probs(x[3:8]), head.probs(x)[3:8], atol=1e-5, err_msg=message)
        for few in (unlabelled[:0], unlabelled[:1]):
            assert_probabilities(
                self.fitted_with_context(replace(context, unlabelled=few), x, y, 3).probs(x), len(x), 3
            )
