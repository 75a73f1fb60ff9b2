"""The perceptron with dropout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from alframe.errors import BadParams, UnmetNeed
from alframe.heads.linear import Linear
from alframe.heads.mlp import Mlp
from alframe.testing.head import HeadSuite, separable_clusters


class TestMlp(HeadSuite):
    make = Mlp
    weights_are_exact = False  # its epochs hold each example once


class TestMlpWithoutDropout(HeadSuite):
    weights_are_exact = False

    def make(self):
        return Mlp(hidden=[20], dropout=0.0)


def fitted(head, x, y, classes=10):
    head.fit(x, y, classes, np.random.default_rng(0))
    return head


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order].astype(np.float32), y[order]


def test_it_is_as_good_as_the_linear_head(digits):
    x, y = digits
    scores = [(fitted(head, x[:200], y[:200]).probs(x[200:]).argmax(1) == y[200:]).mean() for head in (Linear(), Mlp())]
    assert scores[1] > max(0.9, scores[0] - 0.01), scores


def test_draws_scatter_around_the_prediction(digits):
    x, y = digits
    head = fitted(Mlp(), x[:200], y[:200])
    samples = head.prob_samples(x[200:400], 50, np.random.default_rng(1))
    assert (samples.mean(axis=0).argmax(1) == head.probs(x[200:400]).argmax(1)).mean() > 0.95
    assert samples.std(axis=0).max() > 0.1


def test_a_draw_leaves_out_its_share_of_each_layer(monkeypatch):
    x, y = separable_clusters()
    head = fitted(Mlp(hidden=[400], dropout=0.25), x, y, 3)
    seen = []
    monkeypatch.setattr(head, "_logits", lambda first, masks: seen.append(masks) or first[None, :, :3])
    head.prob_samples(x, 50, np.random.default_rng(0))
    (mask,) = seen[0]
    assert mask.shape == (50, 1, 400)
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert (mask == 0).float().mean() == pytest.approx(0.25, abs=0.01)


def test_torchs_generator_and_threads_are_left_alone():
    x, y = separable_clusters()
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fitted(Mlp(), x, y, 3).prob_samples(x, 3, np.random.default_rng(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_the_widths_come_with_the_state():
    x, y = separable_clusters()
    head, other = fitted(Mlp(hidden=[7, 5, 4]), x, y, 3), Mlp()
    other.load(head.state())
    np.testing.assert_array_equal(other.probs(x), head.probs(x))


def test_no_dropout_no_draws():
    x, y = separable_clusters()
    with pytest.raises(UnmetNeed, match="dropout=0"):
        fitted(Mlp(dropout=0.0), x, y, 3).prob_samples(x, 3, np.random.default_rng(0))


@pytest.mark.parametrize("params", [{"dropout": 1.0}, {"hidden": []}, {"hidden": [0]}, {"lr": 0}, {"epochs": 0}])
def test_values_that_cannot_be(params):
    with pytest.raises(BadParams, match="head 'mlp'"):
        Mlp(**params)
