"""The head before the first label is one that any sampler can use."""

from __future__ import annotations

import numpy as np

from alframe.contracts import Head, HiddenActivations
from alframe.kit.uniform_head import UniformHead


def test_all_classes_are_equally_likely() -> None:
    head: Head = UniformHead(5)
    x = np.zeros((3, 2), np.float32)
    assert isinstance(head, HiddenActivations) and head.stochastic
    np.testing.assert_array_equal(head.probs(x), np.full((3, 5), 0.2, np.float32))
    assert head.prob_samples(x, 4, np.random.default_rng(0)).shape == (4, 3, 5)
    other = UniformHead(1)
    other.load(head.state())
    np.testing.assert_array_equal(other.probs(x), head.probs(x))
    assert head.hidden_activations(x).shape == (3, 1)
