"""Fine-tune a backbone on the labelled images."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import nn

from alframe.allocator import keep_freed_memory
from alframe.contracts.loss import UsesTrainingLabels
from alframe.data.augment import load_augmented_batches
from alframe.data.batching import balanced_batches, shuffled_batches
from alframe.data.loading import Batch, normalise_pixels
from alframe.engine.training.activation_memory import limit_activation_memory, recompute_activations, statistics_kept
from alframe.engine.training.early_stopping import EarlyStopping, embed_readable, nearest_mean_classes, split_validation
from alframe.engine.training.freezing import gradients_off, parameters_to_freeze, set_train_mode
from alframe.engine.training.optimiser import autocast, make_optimiser, make_schedule
from alframe.errors import BadParams, PoolError
from alframe.progress import Bar, DurationEstimate
from alframe.seeding import generator, integer_seed
from alframe.settings import TrainingPlan
from alframe.types import InputSpec, Ints, Item

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The measures of a fine-tuning, see `store.events.FineTuned`. They are empty if nothing was trained."""

    losses: list[float]
    train_accuracy: float | None = None
    validation_f1: Sequence[float] = ()
    best_epoch: int | None = None


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
    group: str = "sequence",
) -> TrainingResult:
    """Train `module` and `loss` in place on `items` with the class numbers `y`, and return the measures.

    The same seed gives the same weights on the same machine, with any number of workers. With `plan.patience`, no
    `group` (as in `assign_groups`) is divided between training and validation. `module` is in evaluation mode
    afterwards. Raises PoolError if hardly any image can be read, BadParams if the loss diverges or the plan does not
    suit the network.
    """
    if len(items) < 2:
        log.warning("Fine-tuning needs at least two labelled images; there are %d: backbone unchanged.", len(items))
        module.eval()
        return TrainingResult([])
    keep_freed_memory()
    module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's types
    loss.to(device)
    frozen = parameters_to_freeze(module, plan.freeze)
    rows, stopping = _make_early_stopping(items, y, spec, plan, seed, workers, group)
    if isinstance(loss, UsesTrainingLabels):
        loss.set_training_labels(torch.from_numpy(y[rows]))
    epochs = [_epoch_batches(y, rows, plan, seed, epoch) for epoch in range(plan.epochs)]
    largest_batch = max((len(batch) for batches in epochs for batch in batches), default=0)
    optimiser = make_optimiser(module, loss, frozen, plan)
    schedule = make_schedule(optimiser, plan, sum(map(len, epochs)))
    precision = autocast(plan, device)
    # One stream of batches: workers start once, not every epoch.
    stream = load_augmented_batches(items, spec, _batches_with_image_seeds(epochs, seed), workers)
    history = []
    unreadable: set[int] = set()
    images = sum(len(batch) for batches in epochs for batch in batches)
    validated = len(rows) + (0 if stopping is None else len(items) * (plan.epochs + 1))
    try:
        with (
            torch.random.fork_rng([torch.device(device)] if device.startswith("cuda") else []),
            gradients_off(frozen),
            # To embed an image is quicker than to train on it, so the two are forecast apart.
            Bar("Fine-tuning", images + validated, "img", forecast=False) as bar,
        ):
            with precision:
                recomputes = limit_activation_memory(module, spec, largest_batch, device)
            torch.manual_seed(integer_seed(seed, "dropout"))
            start = time.perf_counter()
            if stopping is not None:
                stopping.update(module.eval(), device, bar.advance)
            validation_seconds = (plan.epochs + 1) * (time.perf_counter() - start)
            label = f"Fine-tuning on {len(rows):,} images, {plan.epochs} times"
            forecast = DurationEstimate(label, images, "img", stopping is not None, validation_seconds)
            for epoch, batches in enumerate(epochs, start=1):
                set_train_mode(module, frozen)
                loss.train()
                losses = []
                for batch in islice(stream, len(batches)):
                    _warn_unreadable(batch, items, unreadable)
                    if len(batch.readable_rows) > 1:
                        targets = torch.from_numpy(y[batch.readable_rows]).to(device)
                        with precision:
                            embeddings = module(normalise_pixels(batch.pixels, spec, device))
                        value = loss(embeddings.float(), targets)
                        optimiser.zero_grad(set_to_none=True)
                        with statistics_kept(module) if recomputes else nullcontext():
                            value.backward()
                        optimiser.step()
                        schedule.step()
                        losses.append(float(value.detach()))
                    bar.advance(len(batch.rows))
                    forecast.update(len(batch.rows), batch.file_bytes)
                history.append(_mean_loss(losses, epoch, len(rows), unreadable))
                if stopping is not None and stopping.update(module.eval(), device, bar.advance):
                    break
            if stopping is not None:
                stopping.restore_best(module)
            readable, x = embed_readable(module.eval(), items, rows, spec, workers, device, bar.advance)
    finally:
        recompute_activations(module, enable=False)  # only training needs it, and exporters would export it
        module.eval()
        loss.eval()
    is_right = nearest_mean_classes(x, y[readable], x) == y[readable] if len(readable) else np.zeros(0, np.bool_)
    return TrainingResult(
        history,
        train_accuracy=float(is_right.mean()) if len(readable) else None,
        validation_f1=() if stopping is None else tuple(stopping.scores),
        best_epoch=None if stopping is None else stopping.best_epoch,
    )


def _make_early_stopping(
    items: Sequence[Item], y: Ints, spec: InputSpec, plan: TrainingPlan, seed: int, workers: int, group: str
) -> tuple[Ints, EarlyStopping | None]:
    """Return the training rows, and the early stopping if the plan has one and whole groups allow it."""
    all_rows = np.arange(len(items))
    if plan.patience is None or plan.epochs == 0:
        return all_rows, None
    rows, validation_rows = split_validation(items, y, group, generator(seed, "judges"))
    if not len(validation_rows):
        log.warning(
            "Fine-tuning: the %d labelled images form too few groups (%s) for a validation set. So all of them are "
            "used for training, which takes all %d epochs.",
            *(len(items), group, plan.epochs),
        )
        return all_rows, None
    return rows, EarlyStopping(items, y, rows, validation_rows, spec, workers, plan.patience)


def _epoch_batches(y: Ints, rows: Ints, plan: TrainingPlan, seed: int, epoch: int) -> list[list[int]]:
    rng = generator(seed, "batches", epoch)
    if plan.batching == "balanced":
        batches = balanced_batches(y[rows], plan.classes, plan.samples, rng)
    else:
        batches = shuffled_batches(y[rows], plan.batch_size, rng)
    return [rows[batch].tolist() for batch in batches]


def _batches_with_image_seeds(epochs: list[list[list[int]]], seed: int) -> Iterator[tuple[list[int], list[int]]]:
    for epoch, batches in enumerate(epochs):
        rng = generator(seed, "augment", epoch)
        for rows in batches:
            yield rows, rng.integers(2**63, size=len(rows)).tolist()


def _warn_unreadable(batch: Batch, items: Sequence[Item], unreadable: set[int]) -> None:
    for row, result in zip(batch.rows, batch.results, strict=True):
        if result.reason is not None and row not in unreadable:
            unreadable.add(row)
            log.warning("Left out of fine-tuning: %s: %s", items[row].path, result.reason)


def _mean_loss(losses: list[float], epoch: int, images: int, unreadable: set[int]) -> float:
    if not losses:
        raise PoolError(
            f"Fine-tuning: {len(unreadable)} of the {images} labelled images cannot be read (warnings above name them)"
            ", and no batch contained two readable images. Repair the files, or turn fine-tuning off."
        )
    mean = float(np.mean(losses))
    if not math.isfinite(mean):
        raise BadParams(f"Fine-tuning: the loss became {mean} in epoch {epoch}. Lower the learning rate (lr).")
    return mean
