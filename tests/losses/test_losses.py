"""The losses keep the contract; the triplets are those that brute force finds, the weights those of the papers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from alframe.contracts import Loss
from alframe.errors import BadParams
from alframe.losses.pair_modules import squared_distances
from alframe.losses.softmax import Softmax, Weighting
from alframe.losses.softmax_module import _SoftmaxLoss, class_weights
from alframe.losses.triplet import Triplet
from alframe.testing.loss import LossSuite


class TestSoftmax(LossSuite):
    def make(self) -> Loss:
        return Softmax()


class TestSmoothedSoftmax(LossSuite):
    def make(self) -> Loss:
        return Softmax(label_smoothing=0.1)


class TestWeightedSoftmax(LossSuite):
    def make(self) -> Loss:
        return Softmax(label_smoothing=0.1, weighting="effective")


class TestHard(LossSuite):
    def make(self) -> Loss:
        return Triplet()


class TestSemiHard(LossSuite):
    def make(self) -> Loss:
        return Triplet(margin=20.0, mining="semi_hard")  # wide enough that no positive is beyond it


class TestHardest(LossSuite):
    def make(self) -> Loss:
        return Triplet(mining="hardest")


class TestAll(LossSuite):
    def make(self) -> Loss:
        return Triplet(mining="all")


def brute_force(x: torch.Tensor, y: list[int], margin: float) -> dict[tuple[int, int], list[tuple[int, float]]]:
    """For each pair the violating negatives with their loss."""
    d = [[float(((a - b) ** 2).sum()) for b in x] for a in x]
    rows = range(len(y))
    return {
        (a, p): [(n, margin + d[a][p] - d[a][n]) for n in rows if y[n] != y[a] and margin + d[a][p] - d[a][n] > 0]
        for a, p in product(rows, rows)
        if a != p and y[a] == y[p]
    }


@pytest.fixture
def batch() -> tuple[torch.Tensor, list[int]]:
    return torch.randn(12, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3)), [0, 1, 2, 3] * 3


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_all_triplets(batch: tuple[torch.Tensor, list[int]]) -> None:
    x, y = batch
    expected = mean([loss for found in brute_force(x, y, 1.0).values() for _, loss in found])
    assert float(Triplet(mining="all").bind(4, 4, 0)(x, torch.tensor(y))) == pytest.approx(expected)


def test_hardest_triplets(batch: tuple[torch.Tensor, list[int]]) -> None:
    x, y = batch
    expected = mean([max(loss for _, loss in found) for found in brute_force(x, y, 1.0).values() if found])
    assert float(Triplet(mining="hardest").bind(4, 4, 0)(x, torch.tensor(y))) == pytest.approx(expected)


def test_random_mining_takes_one_allowed_negative_for_each_pair_and_all_of_them_in_turn(
    batch: tuple[torch.Tensor, list[int]],
) -> None:
    x, y = batch
    for mining, limit in (("hard", float("inf")), ("semi_hard", 1.0)):
        allowed = [[v for _, v in found if v < limit] for found in brute_force(x, y, 1.0).values()]
        allowed = [values for values in allowed if values]
        loss = Triplet(mining=mining).bind(4, 4, 0)
        drawn = [float(loss(x, torch.tensor(y))) for _ in range(400)]
        assert min(map(min, allowed)) <= min(drawn)
        assert max(drawn) <= mean([max(values) for values in allowed]) + 1e-9
        assert len(set(drawn)) > 50
        assert mean(drawn) == pytest.approx(mean([mean(values) for values in allowed]), rel=0.05)


def test_nothing_to_learn_is_an_exact_zero() -> None:
    for labels in (torch.zeros(5, dtype=torch.int64), torch.arange(5)):
        for mining in ("hard", "semi_hard", "hardest", "all"):
            x = torch.randn(5, 4, requires_grad=True)
            value = Triplet(mining=mining).bind(4, 5, 0)(x, labels)
            value.backward()
            assert float(value.detach()) == 0
            assert x.grad is not None
            assert not x.grad.any()


def test_squared_distances() -> None:
    x = torch.randn(20, 7)
    torch.testing.assert_close(squared_distances(x), torch.cdist(x, x) ** 2, rtol=1e-4, atol=1e-4)


class CountedOperations(TorchDispatchMode):
    """Counts the operations of torch."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_triplets_are_not_gone_through_one_by_one() -> None:
    x, y = torch.randn(200, 256), torch.arange(20).repeat(10)
    loss = Triplet().bind(256, 20, 0)
    with CountedOperations() as operations:
        loss(x, y)
    assert 0 < operations.count < 100, "a batch of usual size has 1,800 pairs"


def test_bad_parameters_are_named() -> None:
    with pytest.raises(BadParams, match="mining=hard_pair: must be one of hard, semi_hard, hardest, all"):
        Triplet(mining="hard_pair")
    with pytest.raises(BadParams, match="margin"):
        Triplet(margin=0)
    with pytest.raises(BadParams, match="label_smoothing"):
        Softmax(label_smoothing=1.0)
    with pytest.raises(BadParams, match="weighting=inverse: must be one of none, balanced, effective"):
        Softmax(weighting="inverse")
    with pytest.raises(BadParams, match="beta"):
        Softmax(beta=1.0)


def test_class_weights() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    y = np.repeat([0, 1, 3], [100, 10, 1])
    counts = torch.bincount(torch.from_numpy(y)).double()  # class 2 has no image
    balanced = class_weights(counts, "balanced", 0.999)
    sklearn = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=y)
    np.testing.assert_allclose(balanced[[0, 1, 3]] / balanced[0], sklearn / sklearn[0])
    for beta in (0.0, 0.9, 0.999, 0.9999):
        expected = (1 - beta) / (1 - np.power(beta, np.array([100, 10, 1])))  # Cui et al. 2019, equation 2
        effective = class_weights(counts, "effective", beta)
        np.testing.assert_allclose(effective[[0, 1, 3]], expected / expected.mean(), rtol=1e-9)
        assert float(effective[2]) == 0
    assert effective[3] / effective[0] > class_weights(counts, "effective", 0.9)[3] / effective[0]


@pytest.mark.parametrize("weighting", ["none", "balanced", "effective"])
def test_softmax_is_the_weighted_cross_entropy(weighting: Weighting) -> None:
    y = torch.tensor([0] * 20 + [1] * 4 + [2])
    x = torch.randn(25, 6, generator=torch.Generator().manual_seed(0))
    loss = Softmax(weighting=weighting, beta=0.95).bind(6, 3, 0)
    assert isinstance(loss, _SoftmaxLoss)
    loss.set_training_labels(y)
    weights = {
        "none": np.ones(3),
        "balanced": 1 / np.array([20, 4, 1]),
        "effective": 0.05 / (1 - 0.95 ** np.array([20, 4, 1])),
    }[weighting][y]
    with torch.no_grad():
        logits = loss.layer(x).double().numpy()
        value = float(loss(x, y))
    costs = np.log(np.exp(logits).sum(1)) - logits[np.arange(25), y]
    assert value == pytest.approx((weights * costs).sum() / weights.sum(), rel=1e-5)
