"""The optimiser, its learning rate over time, and the precision of a step."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.optim import lr_scheduler

from alframe.settings import TrainingPlan

MOMENTUM = 0.9  # of stochastic gradient descent
log = logging.getLogger(__name__)


def make_optimiser(
    module: nn.Module, loss: nn.Module, frozen: Sequence[nn.Parameter], plan: TrainingPlan
) -> torch.optim.Optimizer:
    frozen_ids = {id(weight) for weight in frozen}
    weights = [weight for weight in (*module.parameters(), *loss.parameters()) if id(weight) not in frozen_ids]
    if plan.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=plan.lr, weight_decay=plan.weight_decay, momentum=MOMENTUM)
    optimiser = torch.optim.AdamW if plan.optimiser == "adamw" else torch.optim.Adam
    return optimiser(weights, lr=plan.lr, weight_decay=plan.weight_decay)


def make_schedule(optimiser: torch.optim.Optimizer, plan: TrainingPlan, steps: int) -> lr_scheduler.LRScheduler:
    """Build the plan's schedule of the learning rate over this number of `steps`. A single step uses `lr` itself.

    "one_cycle" rises from a 25th of `lr` over the first 30 % of the steps, and then falls to nearly 0, while the
    momentum falls and rises (Smith and Topin 2018). "cosine" falls from `lr` to 0 (Loshchilov and Hutter 2017).
    """
    if plan.schedule == "one_cycle" and steps > 1:
        return lr_scheduler.OneCycleLR(optimiser, plan.lr, total_steps=steps)
    if plan.schedule == "cosine" and steps > 1:
        return lr_scheduler.CosineAnnealingLR(optimiser, steps)
    return lr_scheduler.LambdaLR(optimiser, lambda _: 1.0)


def autocast(plan: TrainingPlan, device: str) -> AbstractContextManager[None]:
    """Return the context for computing a step: bfloat16 if the plan is mixed and the device supports it."""
    if plan.precision != "mixed":
        return nullcontext()
    device_type = device.partition(":")[0]
    if device_type == "cpu" or (device_type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)):
        return torch.autocast(device_type, torch.bfloat16)
    log.warning("Fine-tuning: this device (%s) has no bfloat16, so it computes in full precision.", device)
    return nullcontext()
