"""The contrastive loss is the published formula on the pairs that it says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from alframe.contracts import Loss
from alframe.errors import BadParams
from alframe.losses.contrastive import Contrastive
from alframe.testing.loss import LossSuite


class TestBalanced(LossSuite):
    def make(self) -> Loss:
        return Contrastive(margin=5.0)


class TestHardestPairs(LossSuite):
    def make(self) -> Loss:
        return Contrastive(margin=5.0, mining="hardest")


def pairs(x: np.ndarray, y: list[int], margin: float) -> tuple[list[float], list[float]]:
    """The cost of every positive and of every negative pair."""
    positive, negative = [], []
    for i, j in combinations(range(len(y)), 2):
        distance = np.sqrt(((x[i] - x[j]) ** 2).sum())
        (positive if y[i] == y[j] else negative).append(
            distance**2 if y[i] == y[j] else max(0.0, margin - distance) ** 2
        )
    return positive, negative


@pytest.fixture
def batch() -> tuple[torch.Tensor, list[int]]:
    x = torch.randn(14, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return x, [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3]


def test_the_hardest_pairs_are_the_nearest_as_many_as_positives(batch: tuple[torch.Tensor, list[int]]) -> None:
    x, y = batch
    positive, negative = pairs(x.numpy(), y, 2.0)
    costliest = sorted(negative)[-len(positive) :]
    value = Contrastive(2.0, "hardest").bind(4, 4, 0)(x, torch.tensor(y))
    assert float(value) == pytest.approx((np.mean(positive) + np.mean(costliest)) / 2)


def test_balanced_pairs_are_any_negatives_in_turn(batch: tuple[torch.Tensor, list[int]]) -> None:
    x, y = batch
    positive, negative = pairs(x.numpy(), y, 2.0)
    loss = Contrastive(2.0).bind(4, 4, 0)
    drawn = [float(loss(x, torch.tensor(y))) for _ in range(400)]
    assert len(set(drawn)) > 200
    assert np.mean(drawn) == pytest.approx((np.mean(positive) + np.mean(negative)) / 2, rel=0.02)


def test_with_fewer_negatives_all_are_taken_and_both_kinds_weigh_the_same() -> None:
    x = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = [0, 0, 0, 0, 0, 0, 1]
    positive, negative = pairs(x.numpy(), y, 3.0)
    assert len(positive) > len(negative)
    for mining in ("balanced", "hardest"):
        value = Contrastive(3.0, mining).bind(3, 2, 0)(x, torch.tensor(y))
        assert float(value) == pytest.approx((np.mean(positive) + np.mean(negative)) / 2)


@pytest.mark.parametrize("mining", ["balanced", "hardest"])
@pytest.mark.parametrize("labels", [torch.zeros(5, dtype=torch.int64), torch.arange(5)], ids=["one class", "distinct"])
def test_nothing_to_compare_is_an_exact_zero(mining: str, labels: torch.Tensor) -> None:
    x = torch.randn(5, 4, requires_grad=True)
    value = Contrastive(mining=mining).bind(4, 5, 0)(x, labels)
    value.backward()
    assert float(value.detach()) == 0
    assert x.grad is not None
    assert not x.grad.any()


def test_two_classes_at_one_far_away_point_have_a_bounded_gradient() -> None:
    """Squared distances of large vectors are inexact near zero, and the root's slope there is infinite."""
    x = (1000 + torch.zeros(6, 8)).requires_grad_()
    with torch.no_grad():
        x[0] += 1e-3
    value = Contrastive(1.0, "hardest").bind(8, 2, 0)(x, torch.tensor([0, 0, 0, 1, 1, 1]))
    value.backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().max() < 10


@pytest.mark.parametrize("change", [{"margin": 0.0}, {"margin": float("nan")}, {"mining": "hard_pair"}])
def test_bad_parameters_are_named(change: dict[str, object]) -> None:
    with pytest.raises(BadParams, match=next(iter(change))):
        Contrastive(**change)
