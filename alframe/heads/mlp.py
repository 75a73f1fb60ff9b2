"""The head `mlp`: a small neural network whose dropout stays on when it draws samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from alframe.errors import UnmetNeed
from alframe.heads.fitting import expand_layer_to_all_classes, scale_examples
from alframe.heads.torch_modules import linear_layer, scaled_linear_layer
from alframe.kit.chunks import row_slices
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import Floats, Ints

SAMPLE_CHUNK_ROWS = 1024  # fewer than else: each is held once per draw
BATCH_SIZE = 64


@dataclass(eq=False)
class Mlp:
    """Predict by a neural network with hidden layers, ReLU and dropout, trained by AdamW on scaled embeddings.

    If dropout stays on, each prediction is a draw: a random sample of the probabilities from an approximate posterior
    (Gal, Islam and Ghahramani 2017, "Deep Bayesian active learning with image data"). The head runs on the CPU, because
    the network is far smaller than the backbone.
    """

    hidden: Sequence[int] = (230, 100)
    dropout: float = 0.5
    lr: float = 1e-3
    weight_decay: float = 1e-4
    epochs: int = 200
    tolerance: float = 0.1
    stochastic = True

    def __post_init__(self) -> None:
        part = "head 'mlp'"
        valid = bool(self.hidden) and min(self.hidden) >= 1
        require_parameter(part, valid, "one or more widths of at least 1", hidden=list(self.hidden))
        require_parameter(part, 0 <= self.dropout < 1, "0 to below 1", dropout=self.dropout)
        require_parameter(part, self.lr > 0, "above 0", lr=self.lr)
        require_at_least(part, 0, weight_decay=self.weight_decay)
        require_at_least(part, 1, epochs=self.epochs)
        self.stochastic = self.dropout > 0
        self._mean = self._scale = np.empty(0, np.float32)
        self._layers: list[tuple[Tensor, Tensor]] = []  # weight (out, in) and bias (out,) of each

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        self._fit(x, y, classes, rng)

    def fit_weighted(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats) -> None:
        """See the TakesWeights contract; in each epoch, every example is used once."""
        self._fit(x, y, classes, rng, weights)

    def _fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, weights: Floats | None = None) -> None:
        scaled, self._mean, self._scale, present, target = scale_examples(x, y, weights)
        relative = None if weights is None else torch.from_numpy(np.asarray(weights / weights.mean(), np.float32))
        with _seeded_torch(rng), _limit_torch_to_one_thread():
            network = self._train(torch.from_numpy(scaled), torch.from_numpy(target), len(present), relative)
        self._layers = [(layer.weight.data, layer.bias.data) for layer in network if isinstance(layer, nn.Linear)]
        weight, bias = expand_layer_to_all_classes(
            self._layers[-1][0].numpy(), self._layers[-1][1].numpy(), present, classes
        )
        self._layers[-1] = torch.from_numpy(weight), torch.from_numpy(bias)

    def _train(self, x: Tensor, y: Tensor, classes: int, weights: Tensor | None) -> nn.Sequential:
        network = self._build_network(x.shape[1], classes)
        optimiser = torch.optim.AdamW(network.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        for _ in range(self.epochs):
            total = 0.0
            for batch in torch.split(torch.randperm(len(x)), BATCH_SIZE):
                optimiser.zero_grad()
                if weights is None:
                    loss = functional.cross_entropy(network(x[batch]), y[batch])
                else:
                    losses = functional.cross_entropy(network(x[batch]), y[batch], reduction="none")
                    loss = (weights[batch] * losses).mean()
                loss.backward()
                optimiser.step()
                total += loss.item() * len(batch)
            if total < self.tolerance * len(x):
                break
        return network

    def _build_network(self, dim: int, classes: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for width in self.hidden:
            layers += [nn.Linear(dim, width), nn.ReLU(), nn.Dropout(self.dropout)]
            dim = width
        return nn.Sequential(*layers, nn.Linear(dim, classes))

    @torch.inference_mode()
    def probs(self, x: Floats) -> Floats:
        """See the Head contract; `x` (n, D) may be memory-mapped."""
        out = np.empty((len(x), len(self._layers[-1][1])), np.float32)
        for rows in row_slices(len(x)):
            out[rows] = self._logits(self._first_hidden(x[rows]), [1.0] * (len(self._layers) - 1)).softmax(-1).numpy()
        return out

    @torch.inference_mode()
    def hidden_activations(self, x: Floats) -> Floats:
        """Return the outputs of the hidden layers (n, A), side by side, without dropout."""
        out = np.empty((len(x), sum(len(bias) for _, bias in self._layers[:-1])), np.float32)
        for rows in row_slices(len(x)):
            layers = [self._first_hidden(x[rows])]
            for weight, bias in self._layers[1:-1]:
                layers.append(functional.linear(layers[-1], weight, bias).relu())
            out[rows] = torch.cat(layers, dim=1).numpy()
        return out

    @torch.inference_mode()
    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract. Each draw drops other units. Raises UnmetNeed if `dropout` is 0."""
        if not self.stochastic:
            raise UnmetNeed("head 'mlp' with dropout=0 cannot draw samples of its probabilities. Set head.dropout=0.5.")
        out = np.empty((draws, len(x), len(self._layers[-1][1])), np.float32)
        with _seeded_torch(rng):
            # A draw is one network for all images, so that its predictions of two images are correlated as they should.
            masks = [functional.dropout(torch.ones(draws, 1, len(bias)), self.dropout) for _, bias in self._layers[:-1]]
        for rows in row_slices(len(x), SAMPLE_CHUNK_ROWS):
            first = self._first_hidden(x[rows])  # dropout comes after it: the widest product is made once for all draws
            out[:, rows] = self._logits(first, masks).softmax(-1).numpy()
        return out

    def _first_hidden(self, x: Floats) -> Tensor:
        """Return the outputs of the first hidden layer (n, H)."""
        weight, bias = self._layers[0]
        scaled = (np.asarray(x, np.float32) - self._mean) / self._scale
        return functional.linear(torch.from_numpy(scaled), weight, bias).relu()

    def _logits(self, x: Tensor, masks: Sequence[Tensor | float]) -> Tensor:
        """Return the logits from the outputs `x` of the first hidden layer; `masks` are the dropout of each layer."""
        for (weight, bias), mask in zip(self._layers[1:-1], masks, strict=False):
            x = functional.linear(x * mask, weight, bias).relu()
        weight, bias = self._layers[-1]
        return functional.linear(x * masks[-1], weight, bias)

    def logits_module(self) -> nn.Module:
        first, *others = [(weight.numpy(), bias.numpy()) for weight, bias in self._layers]
        layers: list[nn.Module] = [scaled_linear_layer(*first, self._mean, self._scale)]
        for weight, bias in others:
            layers += [nn.ReLU(), linear_layer(weight, bias)]
        return nn.Sequential(*layers)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return `mean` (D,), `scale` (D,), and `weight<i>` (out, in) and `bias<i>` (out,) of each layer."""
        state = {"mean": self._mean, "scale": self._scale}
        for number, (weight, bias) in enumerate(self._layers):
            state |= {f"weight{number}": weight.numpy(), f"bias{number}": bias.numpy()}
        return state

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._mean, self._scale = state["mean"], state["scale"]
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
        numbers = range(len(state) // 2 - 1)  # of the layers; the other two arrays are the scaling
        self._layers = [(tensors[f"weight{number}"], tensors[f"bias{number}"]) for number in numbers]


@contextmanager
def _seeded_torch(rng: np.random.Generator) -> Iterator[None]:
    # Torch's layers and dropout draw from its global generator: seed a fork of it, and leave the caller's as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        yield


@contextmanager
def _limit_torch_to_one_thread() -> Iterator[None]:
    # Thousands of tiny steps: threads gain little, lose tenfold on a busy machine, and change the last digits.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
