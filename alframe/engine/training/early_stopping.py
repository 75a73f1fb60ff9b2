"""Stop a training early, by the macro-F1 on labels that the training does not use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import nn

from alframe.chunks import row_slices
from alframe.data.loading import load_batches, normalise_pixels
from alframe.engine.listing.groups import assign_groups, draw_stratified_groups
from alframe.errors import PoolError
from alframe.types import Floats, InputSpec, Ints, Item

VALIDATION_FRACTION = 0.2  # of the labels
BATCH_SIZE = 64
log = logging.getLogger(__name__)


def split_validation(items: Sequence[Item], y: Ints, group_by: str, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Split rows into training rows and validation rows: about a fifth of each class, and no group in both.

    If whole groups do not allow this, there are no validation rows. `group_by` is as in `assign_groups`.
    """
    names = assign_groups(items, group_by)
    drawn = draw_stratified_groups(names, [str(number) for number in y.tolist()], VALIDATION_FRACTION, rng)
    is_validation = np.array([name in drawn for name in names], np.bool_)
    if is_validation.all() or len(np.unique(y[~is_validation])) < 2:
        is_validation[:] = False
    return np.flatnonzero(~is_validation), np.flatnonzero(is_validation)


@dataclass
class EarlyStopping:
    """Keep the best weights, and stop after `patience` epochs without a better score.

    Each image in `validation_rows` gets the class whose mean embedding of the `training_rows` is nearest, which suits
    any loss. The score is the mean F1 over the classes of the validation images. The first score is that of the weights
    before the training. Each score embeds all labelled images once.
    """

    items: Sequence[Item]
    y: Ints
    training_rows: Ints
    validation_rows: Ints
    spec: InputSpec
    workers: int
    patience: int
    scores: list[float] = field(default_factory=list)
    best_epoch: int = 0
    _best_state: dict[str, torch.Tensor] = field(default_factory=dict)

    def update(self, module: nn.Module, device: str, advance: Callable[[int], None]) -> bool:
        """Score `module`, in evaluation mode, and return whether to stop. `advance` receives the number of images."""
        score = self._macro_f1(module, device, advance)
        if not self.scores or score > self.scores[self.best_epoch]:
            self.best_epoch = len(self.scores)
            self._best_state = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}
        self.scores.append(score)
        return len(self.scores) - 1 - self.best_epoch >= self.patience

    def restore_best(self, module: nn.Module) -> None:
        module.load_state_dict(self._best_state)
        log.info(
            "Fine-tuning: macro-F1 on %d validation labels was %.3f before, and %.3f after epoch %d, which is kept.",
            *(len(self.validation_rows), self.scores[0], self.scores[self.best_epoch], self.best_epoch),
        )

    def _macro_f1(self, module: nn.Module, device: str, advance: Callable[[int], None]) -> float:
        from sklearn.metrics import f1_score

        read = partial(embed_readable, module, self.items, spec=self.spec, workers=self.workers, device=device)
        trained, x = read(self.training_rows, advance=advance)
        validated, z = read(self.validation_rows, advance=advance)
        if not len(trained) or not len(validated):
            raise PoolError(
                f"Fine-tuning: none of the {len(self.validation_rows)} validation images can be read, or none of the "
                "training images. Repair the files, or set patience=null."
            )
        predicted, truth = nearest_mean_classes(x, self.y[trained], z), self.y[validated]
        return float(f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0))


def embed_readable(
    module: nn.Module,
    items: Sequence[Item],
    rows: Ints,
    spec: InputSpec,
    workers: int,
    device: str,
    advance: Callable[[int], None],
) -> tuple[Ints, Floats]:
    """Return the readable `rows` (n,) and their embeddings. `advance` receives the number of embedded images."""
    batches = [rows[chunk].tolist() for chunk in row_slices(len(rows), BATCH_SIZE)]
    readable: list[int] = []
    embeddings: list[Floats] = []
    for batch in load_batches(items, spec, batches, workers):
        if batch.readable_rows:
            with torch.inference_mode():
                x = module(normalise_pixels(batch.pixels, spec, device))
            embeddings.append(x.float().cpu().numpy())
            readable += batch.readable_rows
        advance(len(batch.rows))
    return np.array(readable, np.int64), np.concatenate(embeddings or [np.empty((0, 0), np.float32)])


def nearest_mean_classes(x: Floats, y: Ints, z: Floats) -> Ints:
    """Return for each row of `z` (q, D) the class with the nearest mean of `x` (m, D), whose classes are `y` (m,)."""
    classes = np.unique(y)
    means = np.stack([x[y == number].mean(0) for number in classes])
    distances = (means * means).sum(1) - 2 * z @ means.T
    return np.asarray(classes[distances.argmin(1)])
