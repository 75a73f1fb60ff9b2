"""Which part of a network stays as it is while the rest is fine-tuned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from alframe.compat import import_timm
from alframe.errors import BadParams


def frozen_parameters(module: nn.Module, freeze: str) -> list[nn.Parameter]:
    """The parameters that `freeze` (see TrainingPlan) keeps as they are.

    Stages are timm's coarse groups: the stem is 0, then come the stages of a convolutional network or the blocks of a
    transformer. Raises BadParams if there is no such stage, or nothing would be left to train.
    """
    if freeze == "none":
        return []
    stages = _stage_parameters(module)
    if freeze == "all":
        parts = stages or [list(module.parameters())]
    elif not stages:
        raise BadParams(f"Fine-tuning: freeze is {freeze}, but this backbone has no known stages. Give none or all.")
    elif int(freeze) >= len(stages):
        raise BadParams(f"Fine-tuning: freeze is {freeze}, but the stages of this backbone are 0 to {len(stages) - 1}.")
    else:
        parts = stages[: int(freeze) + 1]
    frozen = [weight for part in parts for weight in part]
    if {id(weight) for weight in module.parameters()} <= {id(weight) for weight in frozen}:
        last = f" (below {len(stages) - 1})" if stages else ""
        raise BadParams(
            f"Fine-tuning: freeze={freeze} leaves nothing of the backbone to train. Freeze less{last}, give it a "
            "projection that can be trained (backbone.dim=256), or train nothing (finetune.start=null)."
        )
    return frozen


@contextmanager
def gradients_off(frozen: Sequence[nn.Parameter]) -> Iterator[None]:
    """No gradients for these parameters meanwhile."""
    before = [weight.requires_grad for weight in frozen]
    try:
        for weight in frozen:
            weight.requires_grad_(False)
        yield
    finally:
        for weight, wanted in zip(frozen, before, strict=True):
            weight.requires_grad_(wanted)


def set_train_mode(module: nn.Module, frozen: Sequence[nn.Parameter]) -> None:
    """Training mode, but for what is wholly frozen: its normalisation keeps its statistics, its dropout is off."""
    module.train()
    still = {id(weight) for weight in frozen}
    for part in module.modules():
        weights = {id(weight) for weight in part.parameters()}
        if weights and weights <= still:
            part.eval()


def _stage_parameters(module: nn.Module) -> list[list[nn.Parameter]]:
    for part in module.modules():
        matcher = getattr(part, "group_matcher", None)
        if callable(matcher):
            groups = import_timm().models.group_parameters(part, matcher(coarse=True), return_values=True)
            return list(groups.values())
    return []
