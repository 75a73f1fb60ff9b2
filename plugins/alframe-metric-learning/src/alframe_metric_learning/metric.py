"""The losses, distances and miners of pytorch-metric-learning (Musgrave et al. 2020), by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from pytorch_metric_learning import distances, losses, miners
from torch import nn

from alframe.errors import BadParams
from alframe.kit.parameters import did_you_mean
from alframe.kit.seeding import integer_seed

# They need more than embeddings and labels (another part, pairs, a second view), or keep a graph between batches.
_UNSUPPORTED = {
    "BatchedDistance",
    "CrossBatchMemory",
    "DynamicSoftMarginLoss",
    "EmbeddingsAlreadyPackagedAsTriplets",
    "GenericPairLoss",
    "P2SGradLoss",
    "VICRegLoss",
}


class Metric:
    """A loss of pytorch-metric-learning, by a distance of the library and on the tuples of a miner, if they are named.

    Without weights of its own, a loss is zero for a batch with a single class, or with no class twice.

    `loss`: name of a class in pytorch_metric_learning.losses.
    `options`: its parameters, numbers and words, not objects; the number of classes and the width of the embedding are
        filled in.
    `distance`: name of a class in pytorch_metric_learning.distances, for the loss and the miner; None: their own.
    `distance_options`: its parameters.
    `miner`: name of a class in pytorch_metric_learning.miners; None: no miner.
    `miner_options`: its parameters.
    """

    def __init__(
        self,
        loss: str = "MultiSimilarityLoss",
        options: Mapping[str, Any] = {},
        distance: str | None = None,
        distance_options: Mapping[str, Any] = {},
        miner: str | None = None,
        miner_options: Mapping[str, Any] = {},
    ) -> None:
        self.loss, self.options = loss, options
        self.distance, self.distance_options = distance, distance_options
        self.miner, self.miner_options = miner, miner_options

    def check(self) -> None:
        """Compute the loss once. Raises BadParams for a name or an option that the library does not take."""
        for what, name, options in (
            ("distance", self.distance, self.distance_options),
            ("miner", self.miner, self.miner_options),
        ):
            if name is None and options:
                raise BadParams(f"loss 'metric': {what}_options are given, but no {what}. Name one: loss.{what}=<name>")
        try:
            self.bind(4, 2, 0)(torch.eye(4), torch.tensor([0, 0, 1, 1]))
        except BadParams:
            raise
        except Exception as error:  # whatever the library says to a value that it cannot take
            parts = [("", self.loss, self.options), (" by the distance ", self.distance, self.distance_options)]
            parts.append((" on the tuples of ", self.miner, self.miner_options))
            what = "".join(f"{link}{name} with {dict(options)}" for link, name, options in parts if name)
            raise BadParams(
                f"loss 'metric': {what} does not work ({type(error).__name__}: {error}). Correct loss.options, "
                "loss.distance_options or loss.miner_options; they take numbers and words, not objects."
            ) from error

    def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
        """See the Loss contract."""
        seed = integer_seed(seed, "metric")
        given = {"num_classes": classes, "embedding_size": dim}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # One for each, as the library does it: a distance may keep numbers of its last batch.
            for_loss, for_miner = self._distance(), self._distance()
            loss = _build("loss", losses, self.loss, self.options, given | for_loss)
            miner = _build("miner", miners, self.miner, self.miner_options, for_miner) if self.miner else None
        return _MetricLoss(loss, miner, seed)

    def _distance(self) -> dict[str, nn.Module]:
        """Return the parameter `distance` of the library's classes, if one is named."""
        if self.distance is None:
            return {}
        return {"distance": _build("distance", distances, self.distance, self.distance_options, {})}


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


def _build(what: str, module: ModuleType, name: str, options: Mapping[str, Any], given: Mapping[str, Any]) -> nn.Module:
    """Build the class `name` of `module` with `options`, and with what it accepts of `given`.

    Raises BadParams for an unknown name or option, and for a distance that the class would not use.
    """
    known = _classes(module)
    if name not in known:
        raise BadParams(
            f"loss 'metric': there is no {what} '{name}'.{did_you_mean(name, list(known))} Known: {', '.join(known)}."
        )
    accepted = _parameters(known[name])
    if "distance" in given and "distance" not in accepted:
        raise BadParams(f"loss 'metric': the {what} {name} takes no distance. Remove loss.distance.")
    set_otherwise = {"num_classes", "embedding_size", "distance"}
    for option in options:
        if option not in accepted or option in set_otherwise:
            free = [parameter for parameter in accepted if parameter not in set_otherwise]
            raise BadParams(
                f"loss 'metric': {name} has no option '{option}'.{did_you_mean(option, free)} "
                f"Accepted: {', '.join(free) or 'none'}."
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
