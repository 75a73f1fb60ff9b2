"""The losses and miners of pytorch-metric-learning (Musgrave et al. 2020), by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import nn

from alframe.errors import BadParams
from alframe.kit.parameters import did_you_mean
from alframe.kit.seeding import integer_seed

# They need more than embeddings and labels (another loss, pairs, a second view), or keep a graph between batches.
_UNSUPPORTED = {
    "CrossBatchMemory",
    "DynamicSoftMarginLoss",
    "EmbeddingsAlreadyPackagedAsTriplets",
    "GenericPairLoss",
    "P2SGradLoss",
    "VICRegLoss",
}


class Metric:
    """A loss of pytorch-metric-learning, on the tuples of one of its miners if one is named.

    Without weights of its own, a loss is zero for a batch with a single class, or with no class twice.

    `loss`: name of a class in pytorch_metric_learning.losses.
    `options`: its parameters, numbers and words, not objects; the number of classes and the width of the embedding are
        filled in.
    `miner`: name of a class in pytorch_metric_learning.miners; None: no miner.
    `miner_options`: its parameters.
    """

    def __init__(
        self,
        loss: str = "MultiSimilarityLoss",
        options: Mapping[str, Any] = {},
        miner: str | None = None,
        miner_options: Mapping[str, Any] = {},
    ) -> None:
        self.loss, self.options, self.miner, self.miner_options = loss, options, miner, miner_options
        if miner is None and miner_options:
            raise BadParams("loss 'metric': miner_options are given, but no miner. Name one: loss.miner=<name>")
        self._try_out()

    def _try_out(self) -> None:
        """Compute the loss once, so that a wrong option shows now, and not when the first training is due."""
        try:
            self.bind(4, 2, 0)(torch.eye(4), torch.tensor([0, 0, 1, 1]))
        except BadParams:
            raise
        except Exception as error:  # whatever the library says to a value that it cannot take
            what = f"{self.loss} with {dict(self.options)}"
            if self.miner:
                what += f" on the tuples of {self.miner} with {dict(self.miner_options)}"
            raise BadParams(
                f"loss 'metric': {what} does not work ({type(error).__name__}: {error}). Correct loss.options or "
                "loss.miner_options; they take numbers and strings, not objects."
            ) from error

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        """See the Loss contract."""
        library = _library()
        seed = integer_seed(seed, "metric")
        given = {"num_classes": classes, "embedding_size": dim}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            loss = _build("loss", library.losses, self.loss, self.options, given)
            miner = _build("miner", library.miners, self.miner, self.miner_options, {}) if self.miner else None
        return _MetricLoss(loss, miner, seed)


class _MetricLoss(nn.Module):
    def __init__(self, loss: nn.Module, miner: nn.Module | None, seed: int) -> None:
        super().__init__()
        self.loss, self.miner = loss, miner
        self._compares = not list(loss.parameters())
        self._seeds = torch.Generator().manual_seed(seed)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        zero = 0.0 * embeddings.sum()  # with a gradient
        if self._compares and not 1 < len(set(labels.tolist())) < len(labels):
            return zero
        devices = [embeddings.device] if embeddings.is_cuda else []
        # The library draws from the global generators.
        with torch.random.fork_rng(devices):
            torch.manual_seed(int(torch.randint(2**31, (), generator=self._seeds)))
            tuples = None if self.miner is None else self.miner(embeddings, labels)
            value: torch.Tensor = self.loss(embeddings, labels, tuples)
        return value + zero


def _library() -> Any:
    try:
        import pytorch_metric_learning.losses
        import pytorch_metric_learning.miners
    except ImportError as error:
        raise BadParams(
            f"loss 'metric' needs pytorch-metric-learning ({error}). Install it: pip install 'alframe[metric]'"
        ) from None
    return pytorch_metric_learning


def _build(what: str, module: ModuleType, name: str, options: Mapping[str, Any], given: Mapping[str, Any]) -> nn.Module:
    """Build the class `name` of `module` with `options`, and with what it accepts of `given`."""
    known = _classes(module)
    if name not in known:
        raise BadParams(
            f"loss 'metric': there is no {what} '{name}'.{did_you_mean(name, list(known))} Known: {', '.join(known)}."
        )
    accepted = _parameters(known[name])
    for option in options:
        if option not in accepted or option in given:
            raise BadParams(
                f"loss 'metric': {name} has no option '{option}'.{did_you_mean(option, accepted)} "
                f"Accepted: {', '.join(parameter for parameter in accepted if parameter not in given) or 'none'}."
            )
    made: nn.Module = known[name](**{key: value for key, value in given.items() if key in accepted}, **options)
    return made


def _classes(module: ModuleType) -> dict[str, type[nn.Module]]:
    """Return the classes of `module` that take embeddings and labels, by name."""
    classes = {name: cls for name, cls in vars(module).items() if isinstance(cls, type) and issubclass(cls, nn.Module)}
    usable = {name: cls for name, cls in classes.items() if not name.startswith("Base") and name not in _UNSUPPORTED}
    wrapped = {"loss", "losses", "l"}  # parameters of a wrapper of other losses
    return {name: usable[name] for name in sorted(usable) if not wrapped & set(_parameters(usable[name]))}


def _parameters(cls: type[nn.Module]) -> list[str]:
    """Return the parameters of the class's constructor, with those that it passes on to its base classes."""
    names: dict[str, None] = {}
    for base in cls.__mro__[: cls.__mro__.index(nn.Module)]:
        if "__init__" in vars(base):
            parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
            names |= {p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return list(names)
