"""The conformance suite of losses."""

from __future__ import annotations

import pytest
import torch

from alframe.contracts import Loss, UsesTrainingLabels
from alframe.testing.other_process import as_in_another_process, assert_moves_to_another_device
from alframe.testing.part import PartSuite

DIM, CLASSES, PER_CLASS = 8, 3, 6


class LossSuite(PartSuite[Loss]):
    """Tests of every loss. Write a subclass with a name like TestX, whose `make` returns your loss."""

    def test_is_a_finite_scalar_with_a_gradient(self) -> None:
        embeddings, labels = _mixed_clusters()
        embeddings.requires_grad_()
        value = self.make().bind(DIM, CLASSES, seed=0)(embeddings, labels)
        assert value.dtype == torch.float32, f"the loss must be float32, and is {value.dtype}"
        assert value > 0, "classes that are mixed up must have a loss above 0"
        assert self._valid_gradient(value, embeddings).abs().sum() > 0, "no gradient reaches the embeddings"

    def test_separate_classes_cost_less_than_mixed_ones(self) -> None:
        mixed, labels = _mixed_clusters()
        separate, together = (_loss_after_training(self.make(), x, labels) for x in (_separate_clusters(labels), mixed))
        assert separate < together, f"the loss of separate classes is {separate}, that of mixed ones {together}"

    def test_one_point_for_all_classes_costs_more_than_separate_classes(self) -> None:
        """A loss that only draws together is at its best when the embedding has lost all."""
        _, labels = _mixed_clusters()
        collapsed = torch.full((len(labels), DIM), 0.7) + 1e-3 * torch.randn(
            len(labels), DIM, generator=torch.Generator().manual_seed(1)
        )
        separate, together = (
            _loss_after_training(self.make(), x, labels) for x in (_separate_clusters(labels), collapsed)
        )
        assert separate < together, f"the loss of separate classes is {separate}, that of one point for all {together}"

    @pytest.mark.parametrize(("dim", "classes"), [(5, 7), (33, 2), (8, 12)])
    def test_any_number_of_classes_and_dimensions(self, dim: int, classes: int) -> None:
        labels = torch.arange(classes).repeat(3)[
            torch.randperm(3 * classes, generator=torch.Generator().manual_seed(0))
        ]
        loss = self.make().bind(dim, classes, seed=0)
        if isinstance(loss, UsesTrainingLabels):
            loss.set_training_labels(labels)
        for these in (labels, labels[labels >= classes // 2]):  # also without the first classes
            embeddings = torch.randn(len(these), dim, generator=torch.Generator().manual_seed(1)).requires_grad_()
            self._valid_gradient(loss(embeddings, these), embeddings)

    def test_what_it_is_given_is_not_changed(self) -> None:
        embeddings, labels = _mixed_clusters()
        copies = embeddings.clone(), labels.clone()
        self.make().bind(DIM, CLASSES, seed=0)(embeddings, labels)
        assert torch.equal(embeddings, copies[0]) and torch.equal(labels, copies[1]), "the batch was changed"

    def test_gradient_descent_lowers_it(self) -> None:
        embeddings, labels = _mixed_clusters()
        embeddings.requires_grad_()
        loss = self.make().bind(DIM, CLASSES, seed=0)
        optimiser = torch.optim.SGD([embeddings, *loss.parameters()], lr=0.05)
        values = []
        for _ in range(60):
            value = loss(embeddings, labels)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            values.append(float(value.detach()))
        assert sum(values[-10:]) < sum(values[:10]), "60 steps of gradient descent did not lower the loss"

    def test_same_seed_gives_the_same_loss(self) -> None:
        embeddings, labels = _mixed_clusters()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            first = self.make().bind(DIM, CLASSES, seed=3)
            torch.manual_seed(2)  # the global generator must not matter, and neither must the clock or hash()
            with as_in_another_process():
                second = self.make().bind(DIM, CLASSES, seed=3)
        message = "draw from the seed only, not from the clock or hash()"
        for _ in range(3):
            assert torch.equal(first(embeddings, labels), second(embeddings, labels)), message

    def test_moves_to_another_device(self) -> None:
        assert_moves_to_another_device(self.make().bind(DIM, CLASSES, seed=0), *_mixed_clusters())

    @pytest.mark.parametrize("classes", [[0] * PER_CLASS, [*range(CLASSES)], [0]], ids=str)
    def test_batch_without_a_pair(self, classes: list[int]) -> None:
        """One class only, no class twice, one image only."""
        labels = torch.tensor(classes)
        embeddings = torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(0)).requires_grad_()
        self._valid_gradient(self.make().bind(DIM, CLASSES, seed=0)(embeddings, labels), embeddings)

    def _valid_gradient(self, value: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        assert value.shape == () and torch.isfinite(value), f"the loss must be one finite number, and is {value}"
        value.backward()
        assert embeddings.grad is not None, "even a zero must be differentiable, or the training step fails"
        assert torch.isfinite(embeddings.grad).all(), "the gradient must be finite"
        return embeddings.grad


def _mixed_clusters() -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(CLASSES).repeat(PER_CLASS)[
        torch.randperm(CLASSES * PER_CLASS, generator=torch.Generator().manual_seed(5))
    ]
    return torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(0)), labels


def _separate_clusters(labels: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(0))
    return 5.0 * torch.eye(CLASSES, DIM)[labels] + 0.01 * noise


def _loss_after_training(loss: Loss, embeddings: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the loss once its own weights, if any, have been trained on these embeddings."""
    module = loss.bind(DIM, CLASSES, seed=0)
    if weights := list(module.parameters()):
        optimiser = torch.optim.Adam(weights, lr=0.1)
        for _ in range(30):
            optimiser.zero_grad()
            module(embeddings, labels).backward()
            optimiser.step()
    with torch.no_grad():
        return float(module(embeddings, labels))
