"""The part of the heads' conformance suite that tests weights of examples."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.contracts import Head, TakesWeights
from alframe.testing.part import PartSuite
from alframe.types import Floats, Ints


def overlapping_clusters(per_class: int = 12, classes: int = 3, dim: int = 16, seed: int = 0) -> tuple[Floats, Ints]:
    """Return clusters that overlap, so that no head can be sure: `x` (m, D) and class numbers `y` (m,)."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(classes), per_class))
    centres = np.random.default_rng(98).normal(size=(classes, dim)) / np.sqrt(dim)
    return (centres[y] + 0.5 * rng.normal(size=(len(y), dim))).astype(np.float32), y


class HeadWeightsSuite(PartSuite[Head]):
    """Tests of every head that takes weights.

    Set `weights_are_exact` to False if an example of weight 2 is not exactly the same as two equal examples, because
    the head leaves out examples to measure its quality, or draws examples at random.
    """

    weights_are_exact: bool = True

    def fitted(self, x: Floats, y: Ints, classes: int, seed: int = 0) -> Head:
        """Return a new head, fitted; fail if it changes what it is fitted to."""
        head, copies = self.make(), (x.copy(), y.copy())
        head.fit(x, y, classes, np.random.default_rng(seed))
        np.testing.assert_array_equal(x, copies[0], err_msg="fit() changes the embeddings that it is given")
        np.testing.assert_array_equal(y, copies[1], err_msg="fit() changes the labels that it is given")
        return head

    def test_weights_count_as_so_many_equal_examples(self) -> None:
        x, y = overlapping_clusters()
        head, weights = self.make(), np.random.default_rng(0).integers(1, 4, len(y))
        if not isinstance(head, TakesWeights):
            pytest.skip("the head has no fit_weighted()")
        head.fit_weighted(x, y, 3, np.random.default_rng(0), weights.astype(np.float32))
        rows = np.repeat(np.arange(len(y)), weights)
        expected = self.fitted(x[rows], y[rows], classes=3).probs(x)
        assert np.abs(expected - self.fitted(x, y, classes=3).probs(x)).max() > 1e-2, "repeated examples change nothing"
        if self.weights_are_exact:
            message = "an example with the weight 2 must count as two equal examples; if not, weights_are_exact = False"
            np.testing.assert_allclose(head.probs(x), expected, atol=1e-3, err_msg=message)  # as far as fits go
        else:
            self._assert_mostly_equal(head.probs(x), expected, "an example with the weight 2 must count as two")

    def test_an_example_that_counts_next_to_nothing_is_as_good_as_absent(self) -> None:
        x, y = overlapping_clusters()
        head = self.make()
        if not isinstance(head, TakesWeights):
            pytest.skip("the head has no fit_weighted()")
        wrong = (y + 1) % 3  # of as many examples again
        weights = np.repeat(np.array([1, 1e-4], np.float32), len(y))
        twice = np.concatenate([x, x]), np.concatenate([y, wrong])
        head.fit_weighted(*twice, 3, np.random.default_rng(0), weights)
        expected = self.fitted(x, y, classes=3).probs(x)
        self._assert_mostly_equal(head.probs(x), expected, "examples with the weight 0.0001 must hardly count")
        misled = self.fitted(*twice, classes=3).probs(x).argmax(axis=1)
        assert (misled == expected.argmax(axis=1)).mean() < 0.9, "wrong examples do not change the fit"

    def _assert_mostly_equal(self, probs: Floats, expected: Floats, rule: str) -> None:
        share = (probs.argmax(axis=1) == expected.argmax(axis=1)).mean()
        assert share >= 0.9, f"{rule}: {share:.0%} of the predictions are as expected, and 90 % must be"
