"""What every head must do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from alframe.contracts import Head
from alframe.errors import UnmetNeed
from alframe.types import Floats, Ints


def separable_clusters(per_class: int = 12, classes: int = 3, dim: int = 16, seed: int = 0) -> tuple[Floats, Ints]:
    """Well separated clusters: `x` (m, D), far from the origin, and `y` (m,)."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), per_class)
    centres = 6 * np.random.default_rng(99).normal(size=(classes, dim)) + 20
    return (centres[y] + rng.normal(size=(len(y), dim))).astype(np.float32), y


class HeadSuite:
    """Subclass it and say how the head is made."""

    def make(self) -> Head:
        raise NotImplementedError

    def fitted(self, x: Floats, y: Ints, classes: int, seed: int = 0) -> Head:
        head = self.make()
        head.fit(x, y, classes, np.random.default_rng(seed))
        return head

    def test_it_learns_what_can_be_learned(self) -> None:
        x, y = separable_clusters(seed=1)
        probs = self.fitted(*separable_clusters(), classes=3).probs(x)
        check(probs, len(x), 3)
        assert (probs.argmax(axis=1) == y).mean() > 0.95, "clusters far apart are not told from each other"

    def test_two_classes(self) -> None:
        x, y = separable_clusters(classes=2, seed=1)
        probs = self.fitted(*separable_clusters(classes=2), classes=2).probs(x)
        check(probs, len(x), 2)
        assert (probs.argmax(axis=1) == y).mean() > 0.95

    def test_a_class_without_examples_gets_nothing(self) -> None:
        x, y = separable_clusters(classes=2)
        probs = self.fitted(x, np.array([0, 3])[y], classes=5).probs(x)
        check(probs, len(x), 5)
        assert probs[:, [1, 2, 4]].max() < 1e-6, "probability is given to classes of which there is no example"
        assert (probs.argmax(axis=1) == np.array([0, 3])[y]).mean() > 0.95, "the classes present are mixed up"

    @pytest.mark.parametrize("examples", [1, 5])
    def test_one_class_only(self, examples: int) -> None:
        x, _ = separable_clusters()
        probs = self.fitted(x[:examples], np.full(examples, 1), classes=3).probs(x)
        np.testing.assert_allclose(probs, np.tile(np.array([0.0, 1.0, 0.0]), (len(x), 1)), atol=1e-6)

    def test_features_that_never_change(self) -> None:
        x, y = separable_clusters()
        x[:, :4] = [0, 1, -3, 1e4]
        probs = self.fitted(x, y, classes=3).probs(x)
        check(probs, len(x), 3)
        assert (probs.argmax(axis=1) == y).mean() > 0.95

    def test_an_empty_pool(self) -> None:
        head = self.fitted(*separable_clusters(), classes=3)
        check(head.probs(np.empty((0, 16), np.float32)), 0, 3)

    def test_what_it_learned_survives_storage(self) -> None:
        x, y = separable_clusters()
        head, again = self.fitted(x, y, classes=4), self.make()
        stored = save({name: np.ascontiguousarray(array) for name, array in head.state().items()})  # as in a model
        again.load(load(stored))
        np.testing.assert_array_equal(again.probs(x), head.probs(x))
        if head.stochastic:
            first, second = (part.prob_samples(x, 3, np.random.default_rng(5)) for part in (head, again))
            np.testing.assert_array_equal(first, second)

    def test_a_new_fit_forgets_the_old(self) -> None:
        x, y = separable_clusters()
        head = self.fitted(x[:, ::-1].copy(), y[::-1].copy(), classes=3)
        head.fit(x, y, 3, np.random.default_rng(0))
        np.testing.assert_array_equal(head.probs(x), self.fitted(x, y, classes=3).probs(x))

    def test_the_same_rng_gives_the_same_fit(self) -> None:
        x, y = separable_clusters()
        first, second = (self.fitted(x, y, classes=3, seed=8).probs(x) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_samples(self) -> None:
        x, y = separable_clusters()
        x += np.random.default_rng(2).normal(scale=8, size=x.shape).astype(np.float32)  # so that there is doubt
        head = self.fitted(x, y, classes=3)
        if not head.stochastic:
            with pytest.raises(UnmetNeed):
                head.prob_samples(x, 3, np.random.default_rng(0))
            return
        samples = head.prob_samples(x, 4, np.random.default_rng(0))
        assert samples.shape == (4, len(x), 3)
        check(samples.reshape(-1, 3), 4 * len(x), 3)
        assert not np.array_equal(samples[0], samples[1]), "a stochastic head's draws must differ"
        np.testing.assert_array_equal(samples, head.prob_samples(x, 4, np.random.default_rng(0)))
        assert not np.array_equal(samples, head.prob_samples(x, 4, np.random.default_rng(1))), "it does not use the rng"
        np.testing.assert_array_equal(head.probs(x), head.probs(x), err_msg="probs must not be random")
        message = "a draw is one model for all images: other images beside them must not change the draws of these"
        for rows in (slice(5, 9), slice(0, 0), np.array([30, 2, 17])):  # as parts of a pool are asked about, one by one
            part = head.prob_samples(x[rows], 4, np.random.default_rng(0))
            np.testing.assert_allclose(part, samples[:, rows], atol=1e-5, err_msg=message)

    def test_a_pool_in_many_parts(self) -> None:
        x, _ = separable_clusters(per_class=1)
        head = self.fitted(*separable_clusters(), classes=3)
        many = head.probs(np.repeat(x, 3000, axis=0))
        np.testing.assert_allclose(many, np.repeat(head.probs(x), 3000, axis=0), atol=1e-5)

    def test_embeddings_in_a_file(self, tmp_path: Path) -> None:
        x, y = separable_clusters()
        np.save(tmp_path / "x.npy", x)
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        expected = self.fitted(x, y, classes=3).probs(x)
        np.testing.assert_allclose(self.fitted(mapped, y, classes=3).probs(mapped), expected, atol=1e-6)


def check(probs: Floats, n: int, classes: int) -> None:
    """Assert that these are `n` distributions over `classes`."""
    assert probs.shape == (n, classes), f"({n}, {classes}) was wanted, and the shape is {probs.shape}"
    assert probs.dtype == np.float32, f"probabilities are float32, not {probs.dtype}"
    assert (probs >= 0).all() and np.isfinite(probs).all()
    np.testing.assert_allclose(probs.sum(axis=1), np.ones(n), atol=1e-5)
