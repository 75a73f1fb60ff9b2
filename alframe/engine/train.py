"""Fine-tune a backbone on the labelled images."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import nn

from alframe.data.augment import augmented
from alframe.data.batching import balanced, shuffled
from alframe.data.loading import Batch, normalise
from alframe.engine.allocator import keep_memory
from alframe.errors import BadParams, PoolError
from alframe.progress import Bar
from alframe.seeding import generator, number
from alframe.types import InputSpec, Ints, Item, TrainingPlan

log = logging.getLogger(__name__)


def fine_tune(
    module: nn.Module,
    loss: nn.Module,
    items: Sequence[Item],
    y: Ints,
    spec: InputSpec,
    plan: TrainingPlan,
    seed: int,
    device: str,
    workers: int,
) -> list[float]:
    """Train `module` and `loss` in place on `items` of classes `y`; the mean loss of each epoch.

    The same seed gives the same weights on the same machine, whatever the number of workers. Images that cannot be
    read are left out with a warning. `module` ends in evaluation mode. Raises PoolError if hardly any can be read,
    BadParams if the loss diverges.
    """
    if len(items) < 2:
        log.warning("Fine-tuning needs at least two labelled images and there are %d: the backbone stays.", len(items))
        module.eval()
        return []
    keep_memory()
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss.to(device)
    optimiser = torch.optim.Adam([*module.parameters(), *loss.parameters()], lr=plan.lr, weight_decay=plan.weight_decay)
    epochs = [_batches(y, plan, seed, epoch) for epoch in range(plan.epochs)]
    steps = augmented(items, spec, _seeded(epochs, seed), workers)  # one stream: workers start once, not every epoch
    history = []
    module.train()
    loss.train()
    try:
        images = sum(len(rows) for batches in epochs for rows in batches)
        with torch.random.fork_rng(_cuda(device)), Bar("Fine-tuning", images, "img") as bar:
            torch.manual_seed(number(seed, "dropout"))
            unreadable: set[int] = set()
            for epoch, batches in enumerate(epochs, start=1):
                taken = []
                for batch in islice(steps, len(batches)):
                    _report(batch, items, unreadable)
                    if len(batch.good) > 1:
                        taken.append(_step(module, loss, optimiser, batch, y, spec, device))
                    bar.advance(len(batch.rows))
                history.append(_mean(taken, epoch, len(items), unreadable))
    finally:
        module.eval()
        loss.eval()
    return history


def _batches(y: Ints, plan: TrainingPlan, seed: int, epoch: int) -> list[list[int]]:
    rng = generator(seed, "batches", epoch)
    if plan.batching == "balanced":
        return balanced(y, plan.classes, plan.samples, rng)
    return shuffled(y, plan.batch_size, rng)


def _seeded(epochs: list[list[list[int]]], seed: int) -> Iterator[tuple[list[int], list[int]]]:
    for epoch, batches in enumerate(epochs):
        rng = generator(seed, "augment", epoch)
        for rows in batches:
            yield rows, rng.integers(2**63, size=len(rows)).tolist()


def _step(
    module: nn.Module,
    loss: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    y: Ints,
    spec: InputSpec,
    device: str,
) -> float:
    targets = torch.from_numpy(y[batch.good]).to(device)
    value = loss(module(normalise(batch.pixels, spec, device)), targets)
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    optimiser.step()
    return float(value.detach())


def _report(batch: Batch, items: Sequence[Item], unreadable: set[int]) -> None:
    for row, reason in zip(batch.rows, batch.reasons, strict=True):
        if reason is not None and row not in unreadable:
            unreadable.add(row)
            log.warning("Left out of fine-tuning: %s: %s", items[row].path, reason)


def _mean(values: list[float], epoch: int, images: int, unreadable: set[int]) -> float:
    if not values:
        raise PoolError(
            f"Fine-tuning: {len(unreadable)} of the {images} labelled images cannot be read (warnings above name them) "
            "and no two that can came together. Mend the files, or turn fine-tuning off."
        )
    mean = float(np.mean(values))
    if not math.isfinite(mean):
        raise BadParams(f"Fine-tuning: the loss became {mean} in epoch {epoch}. Lower the learning rate (lr).")
    return mean


def _cuda(device: str) -> list[torch.device]:
    return [torch.device(device)] if device.startswith("cuda") else []
