"""Freeze a part of a network, so that fine-tuning trains only the other part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from alframe.compat import import_timm
from alframe.errors import BadParams


def has_weights(module: nn.Module) -> bool:
    """Return whether the network has weights to train. For example, colour histograms have no weights."""
    return next(module.parameters(), None) is not None


def parameters_to_freeze(module: nn.Module, freeze: str) -> list[nn.Parameter]:
    """Return the parameters of `module` that `freeze` (see TrainingPlan) keeps unchanged.

    Stages are timm's coarse groups: the stem is 0, then come the stages of a convolutional network or the blocks of a
    transformer. Raises BadParams if there is no such stage, or nothing would be left to train.
    """
    if freeze == "none":
        return []
    stages = _stage_parameters(module)
    if freeze == "all":
        kept = stages or [list(module.parameters())]
    elif not stages:
        raise BadParams(f"freeze={freeze}: the stages of this backbone are unknown; use none or all")
    elif int(freeze) >= len(stages):
        raise BadParams(f"freeze={freeze}: the stages of this backbone are 0 to {len(stages) - 1}")
    else:
        kept = stages[: int(freeze) + 1]
    frozen = [weight for stage in kept for weight in stage]
    if {id(weight) for weight in module.parameters()} <= {id(weight) for weight in frozen}:
        last = f" (below {len(stages) - 1})" if stages else ""
        raise BadParams(
            f"freeze={freeze} leaves no weights of the backbone to train: freeze less{last}, add a trainable "
            "projection (backbone.dim=256), or turn fine-tuning off (finetune.start=null)"
        )
    return frozen


@contextmanager
def gradients_off(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    before = [weight.requires_grad for weight in parameters]
    try:
        for weight in parameters:
            weight.requires_grad_(False)
        yield
    finally:
        for weight, required in zip(parameters, before, strict=True):
            weight.requires_grad_(required)


def set_train_mode(module: nn.Module, frozen: Sequence[nn.Parameter]) -> None:
    """Set training mode, except for layers in which all weights are frozen.

    The normalisation of these layers keeps its statistics, and their dropout is off.
    """
    module.train()
    frozen_ids = {id(weight) for weight in frozen}
    for layer in module.modules():
        weight_ids = {id(weight) for weight in layer.parameters()}
        if weight_ids and weight_ids <= frozen_ids:
            layer.eval()


def _stage_parameters(module: nn.Module) -> list[list[nn.Parameter]]:
    """Return the parameters of each stage of the timm network in `module`; none for another network."""
    for layer in module.modules():
        matcher = getattr(layer, "group_matcher", None)
        if callable(matcher):
            groups = import_timm().models.group_parameters(layer, matcher(coarse=True), return_values=True)
            return list(groups.values())
    return []
