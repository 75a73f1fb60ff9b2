"""Losses that are wrong."""

from __future__ import annotations

import os

import torch
from torch import nn

from alframe.testing.loss import LossSuite
from tests.testing.wrong import wrong


class Contrastive(nn.Module):
    """Right as it is: equal classes attract, others repel up to a margin."""

    def __init__(self, attraction=1.0, repulsion=1.0):
        super().__init__()
        self.attraction, self.repulsion = attraction, repulsion

    def forward(self, x, labels):
        distances = (x[:, None] - x).square().sum(dim=2)
        same = labels[:, None] == labels
        far = nn.functional.relu(4 - distances)
        return (self.attraction * distances * same + self.repulsion * far * ~same).mean()


class Right:
    def bind(self, dim, classes, seed):
        return Contrastive()


class NoRepulsion:
    def bind(self, dim, classes, seed):
        return Contrastive(repulsion=0)


class ThreeClasses(Contrastive):
    def forward(self, x, labels):
        return super().forward(x, torch.arange(3)[labels])


class BreaksAtThree:
    def bind(self, dim, classes, seed):
        return ThreeClasses()


class EightNumbers(Contrastive):
    def forward(self, x, labels):
        return super().forward(x * torch.ones(8), labels)


class BreaksAtOtherWidths:
    def bind(self, dim, classes, seed):
        return EightNumbers()


class InOrder(Contrastive):
    def forward(self, x, labels):
        return super().forward(x, torch.arange(len(labels)) % 3)


class IgnoresTheLabels:
    def bind(self, dim, classes, seed):
        return InOrder()


class SeedsTorch:
    def bind(self, dim, classes, seed):
        torch.manual_seed(seed)
        return Contrastive()


class ChangesFolder:
    def bind(self, dim, classes, seed):
        os.chdir("/")
        return Contrastive()


class Normalises(Contrastive):
    def forward(self, x, labels):
        x.data /= x.data.norm(dim=1, keepdim=True)
        return super().forward(x, labels)


class ChangesTheBatch:
    def bind(self, dim, classes, seed):
        return Normalises()


class Sign(Contrastive):
    def forward(self, x, labels):
        return 1 / (1 + super().forward(x, labels))


class TurnedSign:
    def bind(self, dim, classes, seed):
        return Sign()


class WithAnOffset(Contrastive):
    def __init__(self):
        super().__init__()
        self.offset = torch.zeros(1)  # no buffer

    def forward(self, x, labels):
        return super().forward(x + self.offset, labels)


class StaysOnTheCpu:
    def bind(self, dim, classes, seed):
        return WithAnOffset()


CASES = [
    wrong(LossSuite, NoRepulsion, "test_one_point_for_all_classes_costs_more_than_separate_classes"),
    wrong(LossSuite, BreaksAtThree, "test_any_number_of_classes_and_dimensions"),
    wrong(LossSuite, BreaksAtOtherWidths, "test_any_number_of_classes_and_dimensions"),
    wrong(LossSuite, IgnoresTheLabels, "test_separate_classes_cost_less_than_mixed_ones"),
    wrong(LossSuite, SeedsTorch, "test_what_it_is_given_is_not_changed"),
    wrong(LossSuite, ChangesFolder, "test_what_it_is_given_is_not_changed"),
    wrong(LossSuite, ChangesTheBatch, "test_what_it_is_given_is_not_changed"),
    wrong(LossSuite, TurnedSign, "test_separate_classes_cost_less_than_mixed_ones"),
    wrong(LossSuite, StaysOnTheCpu, "test_moves_to_another_device"),
]
RIGHT = [wrong(LossSuite, Right, "")]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
