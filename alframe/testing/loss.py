"""The conformance suite of losses."""

from __future__ import annotations

import torch

from alframe.contracts import Loss

DIM, CLASSES, EACH = 8, 3, 6


class LossSuite:
    """Subclass it as TestX, return your loss from `make`, and pytest does the rest."""

    def make(self) -> Loss:
        raise NotImplementedError

    def test_a_finite_scalar_that_reaches_the_embeddings(self) -> None:
        embeddings, labels = _mixed()
        embeddings.requires_grad_()
        value = self.make().bind(DIM, CLASSES, seed=0)(embeddings, labels)
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert value > 0, "classes that lie in one heap must cost something"
        value.backward()
        assert embeddings.grad is not None
        assert torch.isfinite(embeddings.grad).all()
        assert embeddings.grad.abs().sum() > 0

    def test_classes_apart_are_better_than_mixed(self) -> None:
        mixed, labels = _mixed()
        assert _settled(self.make(), _apart(labels), labels) < _settled(self.make(), mixed, labels)

    def test_descending_lowers_it(self) -> None:
        embeddings, labels = _mixed()
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
        assert sum(values[-10:]) < sum(values[:10])

    def test_the_same_seed_gives_the_same_loss(self) -> None:
        embeddings, labels = _mixed()
        torch.manual_seed(1)
        one = self.make().bind(DIM, CLASSES, seed=3)
        torch.manual_seed(2)  # the global generator must not matter
        two = self.make().bind(DIM, CLASSES, seed=3)
        for _ in range(3):
            assert torch.equal(one(embeddings, labels), two(embeddings, labels))

    def test_a_batch_of_one_class(self) -> None:
        self._is_harmless(torch.zeros(EACH, dtype=torch.int64))

    def test_a_batch_where_no_class_comes_twice(self) -> None:
        self._is_harmless(torch.arange(CLASSES))

    def test_a_batch_of_one_image(self) -> None:
        self._is_harmless(torch.zeros(1, dtype=torch.int64))

    def _is_harmless(self, labels: torch.Tensor) -> None:
        embeddings = torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(0)).requires_grad_()
        value = self.make().bind(DIM, CLASSES, seed=0)(embeddings, labels)
        assert value.shape == ()
        assert torch.isfinite(value)
        value.backward()
        assert embeddings.grad is not None, "even a zero must be differentiable, or the training step fails"
        assert torch.isfinite(embeddings.grad).all()


def _mixed() -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(CLASSES).repeat(EACH)
    return torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(0)), labels


def _apart(labels: torch.Tensor) -> torch.Tensor:
    spread = torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(0))
    return 5.0 * torch.eye(CLASSES, DIM)[labels] + 0.01 * spread


def _settled(loss: Loss, embeddings: torch.Tensor, labels: torch.Tensor) -> float:
    """The loss once its own weights, if any, have been trained on these embeddings."""
    module = loss.bind(DIM, CLASSES, seed=0)
    weights = list(module.parameters())
    optimiser = torch.optim.Adam(weights, lr=0.1) if weights else None
    for _ in range(30 if optimiser else 0):
        assert optimiser is not None
        optimiser.zero_grad()
        module(embeddings, labels).backward()
        optimiser.step()
    with torch.no_grad():
        return float(module(embeddings, labels))
