"""The losses and miners of pytorch-metric-learning (Musgrave et al. 2020), by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from torch import nn

from alframe.errors import BadParams
from alframe.kit.seeding import integer_seed
from alframe.kit.suggestions import did_you_mean

# They want more than embeddings and labels (another loss, pairs, a second view), or keep a graph from batch to batch.
_OTHERS = {
    "CrossBatchMemory",
    "DynamicSoftMarginLoss",
    "EmbeddingsAlreadyPackagedAsTriplets",
    "GenericPairLoss",
    "P2SGradLoss",
    "VICRegLoss",
}


class Metric:
    """The class `loss` of pytorch_metric_learning.losses, on the tuples of `miner` if one is named.

    `options` and `miner_options` are their parameters: numbers and words, not objects; the number of classes and the
    width of the embedding are filled in. A loss without weights of its own compares the images of a batch, so one
    with a single class, or with no class twice, gives a zero.
    """

    def __init__(
        self,
        loss: str = "MultiSimilarityLoss",
        options: Mapping[str, Any] = {},
        miner: str | None = None,
        miner_options: Mapping[str, Any] = {},
    ) -> None:
        self.loss = loss
        self.options = options
        self.miner = miner
        self.miner_options = miner_options
        if miner is None and miner_options:
            raise BadParams("loss 'metric': miner_options are given, but no miner. Name one: loss.miner=<name>")
        self._try()

    def _try(self) -> None:
        """So that a slip shows now, and not when the first training is due."""
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
                "loss.miner_options; they take numbers and words, not objects."
            ) from error

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        library = _library()
        seed = integer_seed(seed, "metric")
        given = {"num_classes": classes, "embedding_size": dim}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            loss = _make("loss", library.losses, self.loss, self.options, given)
            miner = _make("miner", library.miners, self.miner, self.miner_options, {}) if self.miner else None
        return _MetricLoss(loss, miner, seed)


class _MetricLoss(nn.Module):
    def __init__(self, loss: nn.Module, miner: nn.Module | None, seed: int) -> None:
        super().__init__()
        self.loss = loss
        self.miner = miner
        self._compares = not list(loss.parameters())
        self._seeds = torch.Generator().manual_seed(seed)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        nothing = 0.0 * embeddings.sum()  # a zero with a gradient
        if self._compares and not 1 < len(set(labels.tolist())) < len(labels):
            return nothing
        devices = [embeddings.device] if embeddings.is_cuda else []
        # The library draws from the global generators.
        with torch.random.fork_rng(devices):
            torch.manual_seed(int(torch.randint(2**31, (), generator=self._seeds)))
            tuples = None if self.miner is None else self.miner(embeddings, labels)
            value: torch.Tensor = self.loss(embeddings, labels, tuples)
        return value + nothing


def _library() -> Any:
    try:
        import pytorch_metric_learning.losses
        import pytorch_metric_learning.miners
    except ImportError as error:
        raise BadParams(
            f"loss 'metric' needs pytorch-metric-learning ({error}). Install it: pip install 'alframe[metric]'"
        ) from None
    return pytorch_metric_learning


def _make(what: str, module: ModuleType, name: str, options: Mapping[str, Any], given: Mapping[str, Any]) -> nn.Module:
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
                f"Accepted: {', '.join(one for one in accepted if one not in given) or 'none'}."
            )
    made: nn.Module = known[name](**{key: value for key, value in given.items() if key in accepted}, **options)
    return made


def _classes(module: ModuleType) -> dict[str, type[nn.Module]]:
    """What takes embeddings and labels, by name."""
    found = {name: one for name, one in vars(module).items() if isinstance(one, type) and issubclass(one, nn.Module)}
    kept = {name: one for name, one in found.items() if not name.startswith("Base") and name not in _OTHERS}
    first = {"loss", "losses", "l"}  # a wrapper of other losses
    return {name: kept[name] for name in sorted(kept) if not first & set(_parameters(kept[name]))}


def _parameters(cls: type[nn.Module]) -> list[str]:
    """All that the class's constructor takes, also what it passes on to those above it."""
    names: dict[str, None] = {}
    for one in cls.__mro__[: cls.__mro__.index(nn.Module)]:
        if "__init__" in vars(one):
            parameters = list(inspect.signature(vars(one)["__init__"]).parameters.values())[1:]
            names |= {p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return list(names)
